#include "aero/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace aero::train {

Schedule::Schedule(const ScheduleConfig& config, double lr, std::int64_t warmup_steps,
                   std::int64_t total_steps)
    : config_(config), lr_(lr), warmup_steps_(warmup_steps), total_steps_(total_steps) {}

double Schedule::learning_rate(std::int64_t step) const {
  if (step < warmup_steps_) {
    return lr_ * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_);
  }
  const auto rest = std::max<std::int64_t>(1, total_steps_ - warmup_steps_);
  const double progress =
      std::min(1.0, static_cast<double>(step - warmup_steps_) / static_cast<double>(rest));
  switch (config_.name) {
    case ScheduleKind::linear:
      return config_.final_lr + (lr_ - config_.final_lr) * (1 - progress);
    case ScheduleKind::cosine:
      return config_.final_lr +
             (lr_ - config_.final_lr) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    case ScheduleKind::constant:
      return lr_;
  }
  throw std::logic_error("unknown schedule");
}

}  // namespace aero::train
