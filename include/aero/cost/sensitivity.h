#pragma once

#include "aero/cost/cost_model.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

/// What a pass would cost if one thing were otherwise.
struct Sensitivity {
  std::string assumption;  ///< "constant ole + 10%", "temperatures are public"
  double comm_bytes = 0;
  std::optional<double> latency_seconds = {};
  /// Why the cost model gives no price under this assumption; empty where it does.
  std::string unpriced = {};
};

/// One entry for each: every constant of the cost model 10% larger, where that changes something;
/// temperatures known to both parties, and known to the server alone, where the model learns some
/// and the cost model says otherwise; nothing folded, where something folds; with a network, half
/// its bandwidth and twice its round trip. Throws UsageError where the pass as it is has no price.
std::vector<Sensitivity> sensitivities(const CostModel& model, const ModelConfig& config,
                                       const Pass& pass,
                                       const std::optional<Network>& network = std::nullopt);

}  // namespace aero::cost
