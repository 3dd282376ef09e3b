#pragma once

#include "aero/cost/cost_model.h"
#include "aero/cost/sensitivity.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::report {

/// The cost of one pass between two parties, by one cost model.
struct PrivateInference {
  std::string pass;  ///< "whole context", "prefill", "one token"
  cost::PiCost cost;
  std::vector<cost::Sensitivity> sensitivities;  ///< empty unless asked for
};

/// The bytes of a group of operations, and their seconds of computation if the cost model knows
/// them.
struct Share {
  std::string name;
  double bytes = 0;
  std::optional<double> compute_seconds = {};
};

/// Groups the cost by the operation's name, summed over the layers, in the order of the pass: "q",
/// "softmax".
std::vector<Share> by_operation(const cost::PiCost& cost);

/// Groups the cost by layer, in the order of the pass: "layer 0", "layer 1", .... Operations
/// outside the blocks keep their names: "embedding", "final norm", "head".
std::vector<Share> by_layer(const cost::PiCost& cost);

/// Groups the cost by kind, for a chart: "embedding and head", "weight products", "attention
/// products", "softmax" (or its substitute), "norms", "activations", "scales". A kind that costs
/// nothing is left out.
std::vector<Share> by_kind(const cost::PiCost& cost);

/// Returns what a reader of the costs must know: what is not charged and why, and the cost model's
/// notes.
std::vector<std::string> remarks(const cost::PiCost& cost);

/// Returns the remarks on the first costs of several models as a markdown list, each line once. The
/// list begins with an empty line and with the cost models, networks and passes; it is empty
/// without costs.
std::string remarks_markdown(const std::vector<std::vector<PrivateInference>>& models);

/// Writes each line as "- line".
std::string bullets(const std::vector<std::string>& lines);

}  // namespace aero::report
