#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/train/callback.h"

#include <optional>
#include <string>

namespace aero::train {

/// Saves every checkpoint.every steps, at the end, at an evaluation that is the best so far, and
/// before the first step where checkpoint.at_start says so; keeps the last k and the best. A save
/// that fails costs no checkpoint that is there: it is logged, and training goes on to the next. So
/// does a mark of the best that cannot be written: it is tried again.
class CheckpointWriter : public Callback {
 public:
  explicit CheckpointWriter(checkpoint::RunFolder folder) : folder_(std::move(folder)) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  /// Throws Error when the last state could not be saved. After an exception it saves what the run
  /// had come to, unless that is the state it began with or a half-made update.
  void on_finish(Trainer& trainer, Outcome outcome) override;

 private:
  void find_best(const RunConfig& config);
  void save(Trainer& trainer);
  bool try_save(Trainer& trainer);
  void mark_best();
  void prune(Trainer& trainer);

  checkpoint::RunFolder folder_;
  std::optional<std::int64_t> saved_step_;
  std::optional<std::int64_t> failed_step_;
  std::optional<double> best_loss_;
  std::optional<std::int64_t> unmarked_best_;  // saved, its mark not yet
};

}  // namespace aero::train
