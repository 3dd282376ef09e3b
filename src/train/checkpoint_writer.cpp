#include "aero/train/checkpoint_writer.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/resume.h"
#include "aero/train/trainer.h"

#include <limits>

namespace aero::train {
namespace {

/// Whether a checkpoint's evaluation scored the same contexts as evaluations by this config.
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
  // The run may have ended after it saved its best weights and before it marked them.
  if (trainer.evaluated_step() == trainer.step() &&
      is_comparable(folder_.checkpoint(trainer.step()), trainer.config())) {
    on_evaluation(trainer, *trainer.last_evaluation());
  }
}

/// Finds the best loss so far of a resumed run.
void CheckpointWriter::find_best(const RunConfig& config) {
  const auto best = folder_.best();
  if (!best) return;
  if (is_comparable(*best, config)) {
    best_loss_ = checkpoint::load_state(*best).eval_loss;
  } else {
    log::info(
        "evaluations score another part of the split than before: the search for the best "
        "checkpoint starts anew");
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
  if (failed) log::info(fmt::format("step {} is saved", trainer.step()));
  mark_best();
  if (unmarked_best_) {
    throw Error(
        fmt::format("{}/best: could not be written; make room on the disk and go on with --resume",
                    folder_.checkpoints().string()));
  }
}

bool CheckpointWriter::try_save(Trainer& trainer) {
  if (failed_step_ == trainer.step()) return false;
  try {
    save(trainer);
    return true;
  } catch (const Error& error) {
    failed_step_ = trainer.step();
    log::error(fmt::format(
        "{}; earlier checkpoints are whole, training goes on and tries again later", error.what()));
    return false;
  }
}

void CheckpointWriter::save(Trainer& trainer) {
  if (saved_step_ == trainer.step()) return;
  // After a power failure, the metrics must not be older than the weights.
  if (std::filesystem::exists(folder_.metrics_file())) sync_path(folder_.metrics_file());
  folder_.save(trainer.state(), trainer.config());
  saved_step_ = trainer.step();
  log::debug(fmt::format("saved {}", folder_.checkpoint(trainer.step()).string()));
  mark_best();
  prune(trainer);
}

void CheckpointWriter::mark_best() {
  if (!unmarked_best_) return;
  try {
    folder_.mark_best(*unmarked_best_);
    unmarked_best_.reset();
  } catch (const Error& error) {
    log::warn(fmt::format("{}; training goes on, and tries to write the mark later", error.what()));
  }
}

/// Removes old checkpoints. A failure is a warning: training goes on with one too many.
void CheckpointWriter::prune(Trainer& trainer) {
  try {
    folder_.prune(trainer.config().checkpoint.keep_last, unmarked_best_);
  } catch (const Error& error) {
    log::warn(error.what());
  }
}

}  // namespace aero::train
