#pragma once

#include "aero/cost/cost_model.h"
#include "aero/report/private_inference.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// The cost model and the network by which models are charged, by name or file; empty: none.
struct CostChoice {
  std::string model;
  std::string network;
};

/// Charges the models of a sweep or a pipeline for private inference.
class Pricing {
 public:
  /// Charges nothing.
  Pricing() = default;
  /// Throws UsageError for what cannot be loaded, and for a network without a cost model.
  explicit Pricing(const CostChoice& choice);

  /// A forward pass over a whole context: one entry, or none without a cost model. Throws
  /// UsageError where the cost model lacks what this model does.
  std::vector<report::PrivateInference> charge(const ModelConfig& config) const;

 private:
  std::shared_ptr<const cost::CostModel> model_;
  std::optional<cost::Network> network_;
};

}  // namespace aero::pipeline
