#pragma once

#include "aero/cost/forward_pass.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aero::cost {

/// What one operation costs between two parties. Bytes are both directions summed.
struct Price {
  double bytes = 0;
  std::optional<double> rounds;           ///< messages that wait for one another; absent: unknown
  std::optional<double> compute_seconds;  ///< absent: unknown
};

struct PricedOperation {
  ForwardOperation operation;
  Price price;
};

/// An operation that was not charged, and why: "folded into a matrix", or the model's own words.
struct Uncharged {
  std::string name;
  std::string reason;

  bool operator==(const Uncharged&) const = default;
};

/// What one pass costs.
struct PiCost {
  std::string cost_model;
  std::string network;  ///< empty where the model's own latency was taken
  double comm_bytes = 0;
  std::optional<double> setup_bytes;  ///< once for a session, not part of comm_bytes
  std::optional<double> setup_seconds;
  std::optional<double> rounds;
  std::optional<double> compute_seconds;
  std::optional<double> latency_seconds;
  std::vector<PricedOperation> operations;
  std::vector<Uncharged> uncharged;
  std::vector<std::string> notes;  ///< what a reader of the numbers must know
};

/// Changes to what a model assumes, for a sensitivity analysis.
struct Assumptions {
  bool fold = true;  ///< what folds is folded beforehand
  /// Temperatures are priced as a constant or a weight, even where the model leaves them uncharged;
  /// absent: as the model says.
  std::optional<Operand> temperature = {};
  std::map<std::string, double> factors = {};  ///< of constants by name: {"ole", 1.1}
};

/// What a file says of itself, in words.
struct CostModelAbout {
  std::string name;
  std::string protocol;
  std::string field;
  std::string security;
  std::string source;
  std::vector<std::pair<std::string, std::string>> private_to;  ///< "prompt", "client"
};

}  // namespace aero::cost
