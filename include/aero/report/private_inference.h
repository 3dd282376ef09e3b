#pragma once

#include "aero/cost/cost_model.h"
#include "aero/cost/sensitivity.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::report {

/// What one pass costs between two parties, by one cost model.
struct PrivateInference {
  std::string pass;  ///< "whole context", "prefill", "one token"
  cost::PiCost cost;
  std::vector<cost::Sensitivity> sensitivities;  ///< empty where nobody asked
};

/// Bytes of what belongs together, and its seconds of computation where the cost model knows them.
struct Share {
  std::string name;
  double bytes = 0;
  std::optional<double> compute_seconds = {};
};

/// By the operation's name, summed over the layers, in the order of the pass: "q", "softmax".
std::vector<Share> by_operation(const cost::PiCost& cost);

/// In the order of the pass: "layer 0", "layer 1", ..., and "embedding", "final norm", "head" by
/// the names of what stands outside the blocks.
std::vector<Share> by_layer(const cost::PiCost& cost);

/// By kind, for a chart: "embedding and head", "weight products", "attention products", "softmax"
/// (or what stands in its place), "norms", "activations", "scales". A kind that costs nothing is
/// left out.
std::vector<Share> by_kind(const cost::PiCost& cost);

/// What a reader of the costs must know: what is not charged and why, and the model's notes.
std::vector<std::string> remarks(const cost::PiCost& cost);

/// The same of the first costs of several models, each line once, below who charges them: cost
/// model, network and pass. A list in markdown behind an empty line; empty without costs.
std::string remarks_markdown(const std::vector<std::vector<PrivateInference>>& models);

/// "- line" each.
std::string bullets(const std::vector<std::string>& lines);

}  // namespace aero::report
