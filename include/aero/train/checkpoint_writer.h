#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/train/callback.h"

#include <optional>
#include <string>

namespace aero::train {

/// Saves every checkpoint.every steps, at the end, at an evaluation that is the best so far, and
/// before the first step where checkpoint.at_start says so; keeps the last k and the best. A save
/// that fails costs no checkpoint that is there: it is logged, and training goes on to the next.
class CheckpointWriter : public Callback {
 public:
  /// Looks up the best loss so far of a run that is resumed.
  explicit CheckpointWriter(checkpoint::RunFolder folder);

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  /// Throws Error when the last state could not be saved.
  void on_finish(Trainer& trainer, Outcome outcome) override;

 private:
  void save(Trainer& trainer);
  bool try_save(Trainer& trainer);

  checkpoint::RunFolder folder_;
  std::optional<std::int64_t> saved_step_;
  std::optional<std::int64_t> failed_step_;
  std::optional<double> best_loss_;
};

}  // namespace aero::train
