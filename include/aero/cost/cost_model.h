#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/forward_pass.h"
#include "aero/cost/network.h"
#include "aero/cost/pi_cost.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

struct CostModelDescription;  // the content of a file; in src/cost

/// A file of configs/cost (docs/cost-models.md has the format): protocol, privacy, constants with
/// units and sources, and a formula for each primitive.
class CostModel {
 public:
  /// Loads a cost model by the name of one built into the program ("aero_papers"), or any file by
  /// its path. Throws UsageError that names the file, the key and the value.
  static CostModel load(const std::string& name_or_path);
  static std::vector<std::string> names();

  ~CostModel();
  CostModel(const CostModel&) = delete;
  CostModel& operator=(const CostModel&) = delete;
  CostModel(CostModel&&) noexcept;
  CostModel& operator=(CostModel&&) noexcept;

  const std::string& name() const { return about().name; }
  const CostModelAbout& about() const;
  /// Returns the constants that `Assumptions::factors` can change.
  std::vector<std::string> constants() const;

  /// Prices a pass. Throws UsageError for an operation whose primitive the file lacks, for a cost
  /// that is negative or not finite, for a factor of an unknown constant, and for a network if the
  /// model lacks the rounds or the seconds of computation of an operation. A model's own latency
  /// applies to whole contexts. For another pass, and if it is negative, which is beyond the range
  /// of its fit, latency_seconds is absent and a note says so.
  PiCost price(const ModelConfig& config, const Pass& pass,
               const std::optional<Network>& network = std::nullopt,
               const Assumptions& assumptions = {}) const;

 private:
  explicit CostModel(std::unique_ptr<const CostModelDescription> description);
  std::unique_ptr<const CostModelDescription> description_;
};

}  // namespace aero::cost
