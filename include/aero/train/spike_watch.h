#pragma once

#include "aero/train/callback.h"
#include "aero/train/loss_history.h"

#include <filesystem>
#include <utility>

namespace aero::train {

/// Reports losses that are far above those before them (LossHistory). A resumed run takes the
/// history from its metrics, so that it reports what an undisturbed run does.
class SpikeWatch : public Callback {
 public:
  /// `metrics` is the file of MetricsWriter, which must come before this callback.
  explicit SpikeWatch(std::filesystem::path metrics) : metrics_(std::move(metrics)) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_rewind(Trainer& trainer, const Rewind& rewind) override;

 private:
  void read();

  std::filesystem::path metrics_;
  LossHistory history_;
};

}  // namespace aero::train
