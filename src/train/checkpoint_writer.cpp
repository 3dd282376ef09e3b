#include "aero/train/checkpoint_writer.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/train/trainer.h"

#include <limits>

namespace aero::train {

CheckpointWriter::CheckpointWriter(checkpoint::RunFolder folder) : folder_(std::move(folder)) {
  if (const auto best = folder_.best()) best_loss_ = checkpoint::load_state(*best).eval_loss;
}

void CheckpointWriter::on_start(Trainer& trainer) {
  if (trainer.step() == 0) {
    if (trainer.config().checkpoint.at_start) save(trainer);
    return;
  }
  // The run may have ended between the save of its best weights and their mark.
  if (trainer.evaluated_step() == trainer.step())
    on_evaluation(trainer, *trainer.last_evaluation());
}

void CheckpointWriter::on_step(Trainer& trainer, const StepRecord& record) {
  const auto every = trainer.to_steps(trainer.config().checkpoint.every);
  if (every > 0 && record.step % every == 0) try_save(trainer);
}

void CheckpointWriter::on_evaluation(Trainer& trainer, const Evaluation& evaluation) {
  saved_step_.reset();  // an evaluation is part of the state
  if (!trainer.config().checkpoint.keep_best) return;
  // A loss that is not finite is never the best.
  if (!(evaluation.loss < best_loss_.value_or(std::numeric_limits<double>::infinity()))) return;
  if (!try_save(trainer)) return;
  folder_.mark_best(trainer.step());
  best_loss_ = evaluation.loss;
}

void CheckpointWriter::on_finish(Trainer& trainer, Outcome /*outcome*/) {
  save(trainer);
}

bool CheckpointWriter::try_save(Trainer& trainer) {
  if (failed_step_ == trainer.step()) return false;
  try {
    save(trainer);
    return true;
  } catch (const Error& error) {
    failed_step_ = trainer.step();
    log::error(std::string(error.what()) +
               "; earlier checkpoints are whole, training goes on and tries again later");
    return false;
  }
}

void CheckpointWriter::save(Trainer& trainer) {
  if (saved_step_ == trainer.step()) return;
  // What the metrics say must not be older than the weights after a power failure.
  if (std::filesystem::exists(folder_.metrics_file())) sync_path(folder_.metrics_file());
  folder_.save(trainer.state(), trainer.config());
  saved_step_ = trainer.step();
  log::debug("saved " + folder_.checkpoint(trainer.step()).string());
  folder_.prune(trainer.config().checkpoint.keep_last);
}

}  // namespace aero::train
