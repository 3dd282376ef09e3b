#pragma once

#include "aero/config/run_config.h"

#include <cstdint>

namespace aero::train {

/// Gives the learning rate of each optimizer step s = 0, 1, …, S - 1. A warm-up over W steps is
/// lr (s + 1) / W. Then, with p = (s - W) / max(1, S - W), it is:
///   linear    lr + (final_lr - lr) p
///   cosine    final_lr + (lr - final_lr)(1 + cos(pi p)) / 2
///   constant  lr throughout
class Schedule {
 public:
  Schedule(const ScheduleConfig& config, double lr, std::int64_t warmup_steps,
           std::int64_t total_steps);

  double learning_rate(std::int64_t step) const;

 private:
  ScheduleConfig config_;
  double lr_;
  std::int64_t warmup_steps_;
  std::int64_t total_steps_;
};

}  // namespace aero::train
