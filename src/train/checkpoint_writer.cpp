#include "aero/train/checkpoint_writer.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/train/resume.h"
#include "aero/train/trainer.h"

#include <limits>

namespace aero::train {
namespace {

/// Whether a checkpoint's evaluation was of the contexts that are evaluated now.
bool is_comparable(const std::filesystem::path& checkpoint, const RunConfig& config) {
  return evaluates_alike(checkpoint::load_checkpoint_config(checkpoint), config);
}

}  // namespace

void CheckpointWriter::on_start(Trainer& trainer) {
  find_best(trainer.config());
  if (trainer.step() == 0) {
    if (trainer.config().checkpoint.at_start) try_save(trainer);
    return;
  }
  // The run may have ended between the save of its best weights and their mark.
  if (trainer.evaluated_step() == trainer.step() &&
      is_comparable(folder_.checkpoint(trainer.step()), trainer.config())) {
    on_evaluation(trainer, *trainer.last_evaluation());
  }
}

/// The best loss so far of a run that is resumed.
void CheckpointWriter::find_best(const RunConfig& config) {
  const auto best = folder_.best();
  if (!best) return;
  if (is_comparable(*best, config)) {
    best_loss_ = checkpoint::load_state(*best).eval_loss;
  } else {
    log::info(
        "evaluations are of another part of the split than before: the best checkpoint is looked "
        "for anew");
  }
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
  best_loss_ = evaluation.loss;
  unmarked_best_ = trainer.step();
  mark_best();
}

void CheckpointWriter::on_finish(Trainer& trainer, Outcome outcome) {
  const bool failed = outcome == Outcome::failed;
  if (failed && (trainer.step() == trainer.first_step() || !trainer.is_whole())) return;
  save(trainer);
  if (failed) log::info("step " + std::to_string(trainer.step()) + " is saved");
  mark_best();
  if (unmarked_best_) {
    throw Error(folder_.checkpoints().string() +
                "/best: could not be written; make room on the "
                "disk and go on with --resume");
  }
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
  mark_best();
  prune(trainer);
}

void CheckpointWriter::mark_best() {
  if (!unmarked_best_) return;
  try {
    folder_.mark_best(*unmarked_best_);
    unmarked_best_.reset();
  } catch (const Error& error) {
    log::warn(std::string(error.what()) + "; training goes on, and the mark is written later");
  }
}

/// An old checkpoint too many is no reason to stop.
void CheckpointWriter::prune(Trainer& trainer) {
  try {
    folder_.prune(trainer.config().checkpoint.keep_last, unmarked_best_);
  } catch (const Error& error) {
    log::warn(error.what());
  }
}

}  // namespace aero::train
