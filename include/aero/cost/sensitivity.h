#pragma once

#include "aero/cost/cost_model.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

/// The cost of a pass if one assumption were different.
struct Sensitivity {
  std::string assumption;  ///< "constant ole + 10%", "temperatures are public"
  double comm_bytes = 0;
  std::optional<double> latency_seconds = {};
  /// Why the cost model gives no price under this assumption; empty if it does.
  std::string unpriced = {};
};

/// Prices a pass under other assumptions, one at a time, and lists those that change the cost:
/// every constant of the cost model 10% larger; temperatures known to both parties, and known to
/// the server alone; nothing folded; with a network, half its bandwidth and twice its round trip.
/// Throws UsageError if the pass as it is has no price.
std::vector<Sensitivity> sensitivities(const CostModel& model, const ModelConfig& config,
                                       const Pass& pass,
                                       const std::optional<Network>& network = std::nullopt);

}  // namespace aero::cost
