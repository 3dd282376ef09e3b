#pragma once

#include <cstdint>
#include <optional>

namespace aero::train {

/// A loss far above those before it.
struct LossSpike {
  std::int64_t step = 0;
  double loss = 0;       ///< nats a token
  double mean = 0;       ///< of the steps before
  double deviation = 0;  ///< standard deviation of the steps before
};

/// Knows what losses were like of late: an exponential mean and variance over some 50 steps.
class LossHistory {
 public:
  /// Adds the loss of a step. Returns a spike where, after 20 steps, the loss is more than 6
  /// deviations and 10% above the mean, and the loss before was not. A spike counts in the history
  /// as 6 deviations, so that it does not hide the next one. A loss that is not finite is left out.
  std::optional<LossSpike> add(std::int64_t step, double loss);

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double variance_ = 0;
  bool is_in_spike_ = false;
};

}  // namespace aero::train
