#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/forward_pass.h"
#include "aero/cost/network.h"

#include <cstdint>
#include <map>
#include <memory>
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

/// A file of configs/cost (docs/cost-models.md has the format): protocol, privacy, constants with
/// units and sources, and a formula for each primitive.
class CostModel {
 public:
  struct Description;  ///< what a file says; in src/cost

  /// By its name ("aero_papers"), built into the program, or any file by its path. Throws
  /// UsageError that names the file, the key and the value.
  static CostModel load(const std::string& name_or_path);
  static std::vector<std::string> names();

  ~CostModel();
  CostModel(const CostModel&) = delete;
  CostModel& operator=(const CostModel&) = delete;
  CostModel(CostModel&&) noexcept;
  CostModel& operator=(CostModel&&) noexcept;

  const std::string& name() const { return about().name; }
  const CostModelAbout& about() const;
  /// Constants whose change `Assumptions::factors` can ask for.
  std::vector<std::string> constants() const;

  /// Throws UsageError for an operation whose primitive the file lacks, for a cost that comes out
  /// negative or not finite, for a factor of no constant, and for a network where the model has no
  /// rounds or no seconds of computation for some operation. A model's own latency is of whole
  /// contexts: for another pass, and where it comes out negative, which is beyond what it was
  /// fitted to, latency_seconds is absent, and a note says so.
  PiCost price(const ModelConfig& config, const Pass& pass,
               const std::optional<Network>& network = std::nullopt,
               const Assumptions& assumptions = {}) const;

 private:
  explicit CostModel(std::unique_ptr<const Description> description);
  std::unique_ptr<const Description> description_;
};

}  // namespace aero::cost
