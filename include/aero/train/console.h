#pragma once

#include "aero/train/callback.h"

#include <chrono>

namespace aero::train {

/// Tells how training goes: on a terminal a progress bar, elsewhere a plain line every log.every
/// steps; both with step, loss, lr, gradient norm, tokens/s, share of the GEMM peak and ETA.
class Console : public Callback {
 public:
  /// `flops_per_step` and `peak_flops` (FLOP/s) give the share of the peak; it is left out where
  /// `peak_flops` is 0, or the share above 1.
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
  double seconds_ = 0;         // of this process's steps
  double smooth_seconds_ = 0;  // a step, moving average from the second on
  std::int64_t seen_steps_ = 0;
};

}  // namespace aero::train
