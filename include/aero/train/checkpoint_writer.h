#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/train/callback.h"

#include <cstdint>
#include <optional>
#include <string>

namespace aero::train {

/// Saves a checkpoint every checkpoint.every steps, at the end, after the best evaluation so far,
/// and before the first step where checkpoint.at_start is set. Keeps the last k and the best. A
/// save that fails is logged and harms no earlier checkpoint, and training continues. Where the
/// mark of the best cannot be written, the writer tries again later.
class CheckpointWriter : public Callback {
 public:
  explicit CheckpointWriter(checkpoint::RunFolder folder) : folder_(std::move(folder)) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  /// Throws Error when the last state could not be saved. After an exception, saves the state that
  /// the run has reached, unless no step was made or an update was interrupted.
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
  std::optional<std::int64_t> unmarked_best_;  // saved, but not marked yet
};

}  // namespace aero::train
