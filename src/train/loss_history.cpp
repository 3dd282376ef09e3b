#include "aero/train/loss_history.h"

#include <algorithm>
#include <cmath>

namespace aero::train {
namespace {

constexpr std::int64_t fewest = 20;
constexpr std::int64_t span = 50;
constexpr double deviations = 6;
constexpr double share = 1.1;

}  // namespace

std::optional<LossSpike> LossHistory::add(std::int64_t step, double loss) {
  if (!std::isfinite(loss)) return std::nullopt;
  const auto deviation = std::sqrt(variance_);
  const auto bound = mean_ + deviations * deviation;
  const bool is_far = count_ >= fewest && loss > bound && loss > share * mean_;
  std::optional<LossSpike> spike;
  if (is_far && !is_in_spike_) spike = {step, loss, mean_, deviation};
  is_in_spike_ = is_far;

  // The exponentially weighted mean and variance (Finch, 2009), a plain mean at first.
  const auto weight = 1.0 / static_cast<double>(std::min(count_ + 1, span));
  const auto difference = (is_far ? bound : loss) - mean_;
  mean_ += weight * difference;
  variance_ = (1 - weight) * (variance_ + weight * difference * difference);
  ++count_;
  return spike;
}

}  // namespace aero::train
