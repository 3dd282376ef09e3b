#include "aero/train/checkpoint_writer.h"

#include "aero/core/error.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/resume.h"
#include "aero/train/resume_point.h"
#include "aero/train/trainer.h"

#include <limits>
#include <set>
#include <string>
#include <utility>

namespace aero::train {
namespace {

/// Whether a checkpoint's evaluation scored the same contexts as evaluations by this config.
bool is_comparable(const std::filesystem::path& checkpoint, const RunConfig& config) {
  return evaluates_alike(checkpoint::load_checkpoint_config(checkpoint), config);
}

/// Copies what a forward pass changes; an update changes the parameters alone.
void keep_buffers(checkpoint::TensorMap& weights, const NamedParameters& parameters) {
  std::set<std::string> names;
  for (const auto& parameter : parameters) names.insert(parameter.name);
  for (auto& [name, tensor] : weights) {
    if (!names.contains(name)) tensor = tensor.clone();
  }
}

}  // namespace

void CheckpointWriter::on_start(Trainer& trainer) {
  find_best(trainer.config());
  if (trainer.step() == 0) {
    if (trainer.config().checkpoint.at_start) requested_ = Request{};
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
  try {
    if (is_comparable(*best, config)) {
      best_loss_ = checkpoint::load_state(*best).eval_loss;
      return;
    }
    log::info(
        "evaluations score another part of the split than before: the search for the best "
        "checkpoint starts anew");
  } catch (const Error& error) {
    log::warn(fmt::format("{}; the search for the best checkpoint starts anew", error.what()));
  }
}

void CheckpointWriter::before_step(Trainer& trainer) {
  const auto request = std::exchange(requested_, std::nullopt);
  if (request) settle();
  const bool is_new = request && failed_step_ != request->step && saved_step_ != request->step;
  if (auto state = trainer.offer_state(is_new)) save(std::move(*state), trainer, *request);
}

Verdict CheckpointWriter::before_update(Trainer& /*trainer*/, const StepRecord& /*record*/) {
  saver_.release();
  return Verdict::update;
}

void CheckpointWriter::on_step(Trainer& trainer, const StepRecord& record) {
  if (saver_.is_done()) settle();
  const auto every = trainer.to_steps(trainer.config().checkpoint.every);
  if (every > 0 && record.step % every == 0 && !requested_) requested_ = Request{record.step, {}};
}

void CheckpointWriter::on_evaluation(Trainer& trainer, const Evaluation& evaluation) {
  settle();             // whether an earlier best was saved decides what is best
  saved_step_.reset();  // an evaluation is part of the state
  if (!trainer.config().checkpoint.keep_best) return;
  // A loss that is not finite is never the best.
  if (!(evaluation.loss < best_loss_.value_or(std::numeric_limits<double>::infinity()))) return;
  requested_ = Request{trainer.step(), evaluation.loss};
}

std::optional<checkpoint::Checkpoint> CheckpointWriter::last_saved(Trainer& trainer) {
  settle();
  auto point = find_resume_point(folder_, trainer.config());
  if (point.step > trainer.step()) return std::nullopt;  // of another course of this run
  set_aside(point, folder_);
  return std::move(point.checkpoint);
}

void CheckpointWriter::on_rewind(Trainer& /*trainer*/, const Rewind& /*rewind*/) {
  requested_.reset();
  saved_step_.reset();  // the place in the data is part of the state
  failed_step_.reset();
}

void CheckpointWriter::on_finish(Trainer& trainer, Outcome outcome) {
  settle();
  const bool failed = outcome == Outcome::failed;
  if (failed && (trainer.step() == trainer.first_step() || !trainer.is_whole())) return;
  if (failed && trainer.is_sharded()) {
    log::warn(
        "the last state is on several ranks (train.shard_optimizer) and is not saved; go on from "
        "the last checkpoint");
    return;
  }
  save_last(trainer);
  if (failed) log::info(fmt::format("step {} is saved", trainer.step()));
  if (!saver_.mark_best().empty()) {
    throw Error(
        fmt::format("{}/best: could not be written; make room on the disk and go on with --resume",
                    folder_.checkpoints().string()));
  }
}

/// Saves the state of the present step, beside training where the config says so.
void CheckpointWriter::save(checkpoint::Checkpoint state, const Trainer& trainer,
                            const Request& request) {
  saving_ = request;
  CheckpointSaver::Order order{std::move(state), trainer.config(), request.best_loss.has_value()};
  if (trainer.config().checkpoint.background) {
    keep_buffers(order.state.weights, trainer.parameters());
    saver_.save_beside(std::move(order));
    saved_step_ = request.step;
    return;
  }
  try {
    accept(saver_.save(order));
  } catch (const Error& error) {
    reject(error);
  }
}

/// Waits for a save beside training, and takes its report.
void CheckpointWriter::settle() {
  if (!saver_.is_saving()) return;
  try {
    accept(saver_.report());
  } catch (const Error& error) {
    reject(error);
  }
}

void CheckpointWriter::accept(const CheckpointSaver::Report& report) {
  saved_step_ = report.step;
  if (saving_.best_loss) best_loss_ = saving_.best_loss;
  log::debug(
      fmt::format("saved {} in {:.2f} s; the update waited {:.2f} s, for a copy of {:.1f} MB",
                  folder_.checkpoint(report.step).string(), report.seconds, report.waited_seconds,
                  static_cast<double>(report.copied_bytes) / 1e6));
  for (const auto& warning : report.warnings) log::warn(warning);
}

void CheckpointWriter::reject(const Error& error) {
  failed_step_ = saving_.step;
  if (saved_step_ == saving_.step) saved_step_.reset();
  log::error(fmt::format(
      "{}; earlier checkpoints are whole, training goes on and tries again later", error.what()));
}

/// Saves the state in which the run ends, and waits for it.
void CheckpointWriter::save_last(Trainer& trainer) {
  const auto request = std::exchange(requested_, std::nullopt);
  auto state = trainer.offer_state(saved_step_ != trainer.step());
  if (!state) return;
  saving_ = request.value_or(Request{trainer.step(), {}});
  accept(saver_.save({std::move(*state), trainer.config(), saving_.best_loss.has_value()}));
}

void StateGiver::before_step(Trainer& trainer) {
  trainer.offer_state(false);
}

void StateGiver::on_finish(Trainer& trainer, Outcome outcome) {
  if (outcome != Outcome::failed) trainer.offer_state(false);
}

}  // namespace aero::train
