#pragma once

#include "aero/cost/cost_model.h"
#include "aero/report/private_inference.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// The cost model and the network by which models are charged, by name or file; empty: none, as is
/// the network "none", which takes the place of another.
struct CostChoice {
  std::string model;
  std::string network;

  bool operator==(const CostChoice&) const = default;
};

/// Charges the models of a sweep or a pipeline for private inference.
class Pricing {
 public:
  /// Charges nothing.
  Pricing() = default;
  /// Throws UsageError for what cannot be loaded, and for a network without a cost model.
  explicit Pricing(const CostChoice& choice);

  /// The names of model and network, "aero_papers" or "spu.wan"; empty where nothing is charged.
  std::string label() const;

  /// A forward pass over a whole context: one entry, or none without a cost model. Throws
  /// UsageError where the cost model lacks what this model does.
  std::vector<report::PrivateInference> charge(const ModelConfig& config) const;

 private:
  std::shared_ptr<const cost::CostModel> model_;
  std::optional<cost::Network> network_;
};

/// By what the models of a sweep or a pipeline are charged.
struct Pricings {
  Pricing own;                   ///< what the file itself names
  std::optional<Pricing> asked;  ///< what the command line names beside it

  /// What is asked for counts.
  const Pricing& shown() const { return asked ? *asked : own; }
};

}  // namespace aero::pipeline
