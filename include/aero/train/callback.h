#pragma once

#include "aero/checkpoint/run_folder.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace aero::train {

class Trainer;
struct Evaluation;
struct EntropyRecord;
struct LossSpike;

/// The report of one optimizer step.
struct StepRecord {
  std::int64_t step = 0;            ///< 1 for the first
  double loss = 0;                  ///< mean cross-entropy of the step's targets, nats per token
  std::optional<double> penalty{};  ///< of the entropy regulariser, where there is one
  double lr = 0;
  double grad_norm = 0;     ///< before clipping
  std::int64_t tokens = 0;  ///< B x accumulation x T
  double seconds = 0;
  bool updated = true;  ///< false: the step left the weights unchanged

  /// Whether loss and penalty are finite.
  bool is_finite() const { return std::isfinite(loss) && std::isfinite(penalty.value_or(0)); }
};

/// A value that is not finite, found before the step changed the weights.
struct NonfiniteEvent {
  std::int64_t step = 0;  ///< the step that was not made
  std::string quantity;   ///< "loss", "penalty" or "gradient"
  std::string layer;  ///< first layer in the forward pass whose output is not finite; may be empty
  std::string parameter;  ///< the first weight that is not finite, else the gradient closest to the
                          ///< loss that is not; may be empty
  std::string action;     ///< "stop", "skip" or "rewind"
};

/// A return to an earlier state because of a value that is not finite.
struct Rewind {
  NonfiniteEvent cause;
  std::int64_t step = 0;          ///< to which the run went back
  std::int64_t samples_seen = 0;  ///< the data that follow the failed step come next
};

/// What to do with a step after its gradients and before its update.
enum class Verdict { update, skip, rewind, stop };

/// Why training ended; failed means by an exception.
enum class Outcome { finished, interrupted, terminated, hangup, nonfinite, failed };

/// "finished", "interrupted", ...
std::string name(Outcome outcome);

/// Watches a run. The trainer calls callbacks in the order in which they were added.
class Callback {
 public:
  Callback() = default;
  virtual ~Callback() = default;
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  virtual void on_start(Trainer& /*trainer*/) {}
  /// Called before the forward pass of each step. The weights and moments must stay as they are
  /// from here to the update.
  virtual void before_step(Trainer& /*trainer*/) {}
  /// Called before an update. The strictest verdict of all callbacks counts.
  virtual Verdict before_update(Trainer& /*trainer*/, const StepRecord& /*record*/) {
    return Verdict::update;
  }
  virtual void on_step(Trainer& /*trainer*/, const StepRecord& /*record*/) {}
  virtual void on_evaluation(Trainer& /*trainer*/, const Evaluation& /*evaluation*/) {}
  virtual void on_entropy(Trainer& /*trainer*/, const EntropyRecord& /*record*/) {}
  virtual void on_spike(Trainer& /*trainer*/, const LossSpike& /*spike*/) {}
  virtual void on_nonfinite(Trainer& /*trainer*/, const NonfiniteEvent& /*event*/) {}
  /// Returns the last state that this callback has saved, if any: the run goes back to it.
  virtual std::optional<checkpoint::Checkpoint> last_saved(Trainer& /*trainer*/) { return {}; }
  /// Called after the run went back. The trainer has the earlier state.
  virtual void on_rewind(Trainer& /*trainer*/, const Rewind& /*rewind*/) {}
  /// Called at the end, also after an exception, for each callback whose on_start was called. The
  /// others are called even where one throws.
  virtual void on_finish(Trainer& /*trainer*/, Outcome /*outcome*/) {}
  /// Called after on_finish of all callbacks, where none has thrown: the last state is on the disk.
  virtual void after_finish(Trainer& /*trainer*/, Outcome /*outcome*/) {}
};

}  // namespace aero::train
