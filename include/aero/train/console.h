#pragma once

#include "aero/train/callback.h"

#include <chrono>
#include <cstdint>

namespace aero::train {

/// Shows the progress of training, on a terminal by a progress bar, elsewhere by a line every
/// log.every steps. Both show step, loss, lr, gradient norm, tokens/s, share of the GEMM peak and
/// ETA.
class Console : public Callback {
 public:
  /// The share of the peak follows from `flops_per_step` and `peak_flops` (FLOP/s). The console
  /// leaves it out where `peak_flops` is 0 or the share is above 1.
  Console(double flops_per_step, double peak_flops)
      : flops_per_step_(flops_per_step), peak_flops_(peak_flops) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  void on_finish(Trainer& trainer, Outcome outcome) override;

 private:
  double flops_per_step_;
  double peak_flops_;
  std::int64_t first_step_ = 0;
  std::chrono::steady_clock::time_point drawn_;
  double seconds_ = 0;         // that this process's steps took
  double smooth_seconds_ = 0;  // per step, moving average from the second step on
  std::int64_t seen_steps_ = 0;
};

}  // namespace aero::train
