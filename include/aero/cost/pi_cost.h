#pragma once

#include "aero/cost/forward_pass.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aero::cost {

/// The cost of one operation between two parties. Bytes are the sum of both directions.
struct Price {
  double bytes = 0;
  std::optional<double> rounds;           ///< messages that wait for one another; absent: unknown
  std::optional<double> compute_seconds;  ///< absent: unknown
};

struct PricedOperation {
  ForwardOperation operation;
  Price price;
};

/// An operation that is not charged, and why: "folded into a matrix", or a reason from the cost
/// model.
struct Uncharged {
  std::string name;
  std::string reason;

  bool operator==(const Uncharged&) const = default;
};

/// The cost of one pass.
struct PiCost {
  std::string cost_model;
  std::string network;  ///< empty if the cost model's own latency is used
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

/// Changes to the assumptions of a cost model, for a sensitivity analysis.
struct Assumptions {
  bool fold = true;  ///< multiplications that fold are folded beforehand
  /// Prices temperatures as a constant or a weight, even if the cost model leaves them uncharged;
  /// absent: as the cost model says.
  std::optional<Operand> temperature = {};
  std::map<std::string, double> factors = {};  ///< factors of constants by name: {"ole", 1.1}
};

/// The description that a file gives of itself.
struct CostModelAbout {
  std::string name;
  std::string protocol;
  std::string field;
  std::string security;
  std::string source;
  std::vector<std::pair<std::string, std::string>> private_to;  ///< "prompt", "client"
};

}  // namespace aero::cost
