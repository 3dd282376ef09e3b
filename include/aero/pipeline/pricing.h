#pragma once

#include "aero/cost/cost_model.h"
#include "aero/report/private_inference.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Names of the cost model and the network by which models are charged, or their files. Empty means
/// none. The network "none" means none, too, and replaces another choice.
struct CostChoice {
  std::string model;
  std::string network;

  bool operator==(const CostChoice&) const = default;
};

/// Charges the models of a sweep or a pipeline for private inference.
class Pricing {
 public:
  /// Creates a pricing that charges nothing.
  Pricing() = default;
  /// Loads both. Throws UsageError where one cannot be loaded, and for a network without a cost
  /// model.
  explicit Pricing(const CostChoice& choice);

  /// Names the model and the network, "aero_papers" or "spu.wan"; empty where nothing is charged.
  std::string label() const;

  /// Charges a forward pass over a whole context. Returns one entry, or none without a cost model.
  /// Throws UsageError where the cost model lacks an operation of this model.
  std::vector<report::PrivateInference> charge(const ModelConfig& config) const;

 private:
  std::shared_ptr<const cost::CostModel> model_;
  std::optional<cost::Network> network_;
};

/// The pricings by which the models of a sweep or a pipeline are charged.
struct Pricings {
  Pricing own;                   ///< named by the file itself
  std::optional<Pricing> asked;  ///< named by the command line, where it differs

  /// Returns the pricing of the tables to print: the command line wins.
  const Pricing& shown() const { return asked ? *asked : own; }
};

}  // namespace aero::pipeline
