#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/core/error.h"
#include "aero/train/callback.h"
#include "aero/train/checkpoint_saver.h"

#include <cstdint>
#include <optional>

namespace aero::train {

/// Saves a checkpoint every checkpoint.every steps, at the end, after the best evaluation so far,
/// and before the first step where checkpoint.at_start is set. Keeps the last k and the best. A
/// state is saved as the next step begins, so other callbacks may still change it. Where
/// checkpoint.background is set, a thread saves it while the step computes its gradients; the
/// update waits for a copy of what is not written by then. A save that fails is logged and harms no
/// earlier checkpoint, and training continues. Where the mark of the best cannot be written, the
/// writer tries again later.
class CheckpointWriter : public Callback {
 public:
  explicit CheckpointWriter(checkpoint::RunFolder folder) : folder_(folder), saver_(folder) {}

  void on_start(Trainer& trainer) override;
  void before_step(Trainer& trainer) override;
  Verdict before_update(Trainer& trainer, const StepRecord& record) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  /// Waits for a save, and loads the last checkpoint that is whole.
  std::optional<checkpoint::Checkpoint> last_saved(Trainer& trainer) override;
  void on_rewind(Trainer& trainer, const Rewind& rewind) override;
  /// Throws Error when the last state could not be saved. After an exception, saves the state that
  /// the run has reached, unless no step was made or an update was interrupted.
  void on_finish(Trainer& trainer, Outcome outcome) override;

 private:
  /// A state to save.
  struct Request {
    std::int64_t step = 0;
    std::optional<double> best_loss;  // where it is to be marked as the best
  };

  void find_best(const RunConfig& config);
  void save(checkpoint::Checkpoint state, const Trainer& trainer, const Request& request);
  void settle();
  void accept(const CheckpointSaver::Report& report);
  void reject(const Error& error);
  void save_last(Trainer& trainer);

  checkpoint::RunFolder folder_;
  CheckpointSaver saver_;
  std::optional<Request> requested_;  // to be saved as the next step begins
  Request saving_;                    // where the saver is saving
  std::optional<std::int64_t> saved_step_;
  std::optional<std::int64_t> failed_step_;
  std::optional<double> best_loss_;
};

/// Gives rank 0 this rank's part of the state when that saves one. It stands for the
/// CheckpointWriter on the other ranks.
class StateGiver : public Callback {
 public:
  void before_step(Trainer& trainer) override;
  void on_finish(Trainer& trainer, Outcome outcome) override;
};

}  // namespace aero::train
