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

struct CostModelDescription;  // what a file says; in src/cost

/// A file of configs/cost (docs/cost-models.md has the format): protocol, privacy, constants with
/// units and sources, and a formula for each primitive.
class CostModel {
 public:
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
  explicit CostModel(std::unique_ptr<const CostModelDescription> description);
  std::unique_ptr<const CostModelDescription> description_;
};

}  // namespace aero::cost
