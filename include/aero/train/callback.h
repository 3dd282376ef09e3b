#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace aero::train {

class Trainer;
struct Evaluation;
struct EntropyRecord;

/// One optimizer step as it is reported.
struct StepRecord {
  std::int64_t step = 0;            ///< 1 for the first
  double loss = 0;                  ///< mean cross-entropy of the step's targets, nats a token
  std::optional<double> penalty{};  ///< of the entropy regulariser, where there is one
  double lr = 0;
  double grad_norm = 0;     ///< before clipping
  std::int64_t tokens = 0;  ///< B x accumulation x T
  double seconds = 0;
  bool updated = true;  ///< false: the weights were left as they were

  /// Whether loss and penalty are.
  bool is_finite() const { return std::isfinite(loss) && std::isfinite(penalty.value_or(0)); }
};

/// Where a value that is not finite was found, before the weights were touched.
struct NonfiniteEvent {
  std::int64_t step = 0;  ///< the step that was not made
  std::string quantity;   ///< "loss", "penalty" or "gradient"
  std::string layer;  ///< first layer whose output is not finite, in order of the forward pass; may
                      ///< be empty
  std::string parameter;  ///< the weight, or the gradient closest to the loss, that is not finite;
                          ///< may be empty
  std::string action;     ///< "stop" or "skip"
};

/// What becomes of a step whose gradients are there and whose update is not made yet.
enum class Verdict { update, skip, stop };

/// Why training ended; failed: by an exception.
enum class Outcome { finished, interrupted, terminated, hangup, nonfinite, failed };

/// "finished", "interrupted", ...
std::string name(Outcome outcome);

/// Something that watches a run. Calls come in the order in which the callbacks were added.
class Callback {
 public:
  Callback() = default;
  virtual ~Callback() = default;
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  virtual void on_start(Trainer& /*trainer*/) {}
  /// The strictest verdict of all callbacks counts.
  virtual Verdict before_update(Trainer& /*trainer*/, const StepRecord& /*record*/) {
    return Verdict::update;
  }
  virtual void on_step(Trainer& /*trainer*/, const StepRecord& /*record*/) {}
  virtual void on_evaluation(Trainer& /*trainer*/, const Evaluation& /*evaluation*/) {}
  virtual void on_entropy(Trainer& /*trainer*/, const EntropyRecord& /*record*/) {}
  virtual void on_nonfinite(Trainer& /*trainer*/, const NonfiniteEvent& /*event*/) {}
  /// Also after an exception, for each callback whose on_start was called. One that throws keeps
  /// none of the others from theirs.
  virtual void on_finish(Trainer& /*trainer*/, Outcome /*outcome*/) {}
  /// After on_finish of all, where none has thrown: the last state is on the disk.
  virtual void after_finish(Trainer& /*trainer*/, Outcome /*outcome*/) {}
};

}  // namespace aero::train
