// What a checkpoint takes from a trainer, and gives to it.

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/train/load_weights.h"
#include "aero/train/trainer.h"

#include <optional>
#include <string>
#include <utility>

namespace aero::train {

checkpoint::Checkpoint Trainer::state() const {
  checkpoint::Checkpoint result;
  for (const auto& [name, tensor] : decoder_->named_state()) result.weights[name] = tensor.detach();
  result.optimizer = optimizer_.state();
  result.state = counters();
  return result;
}

std::optional<checkpoint::Checkpoint> Trainer::offer_state(bool is_wanted) const {
  if (!is_sharded()) return is_wanted ? std::optional(state()) : std::nullopt;
  const auto wanted = torch::full({}, is_wanted ? 1 : 0, torch::device(device_));
  communicator_.broadcast(wanted);
  if (wanted.item<double>() == 0) return std::nullopt;
  auto all = state();
  return communicator_.leads() ? std::optional(std::move(all)) : std::nullopt;
}

checkpoint::TrainingState Trainer::counters() const {
  checkpoint::TrainingState result;
  result.step = step_;
  result.samples_seen = samples_seen_;
  result.rewinds = rewinds_;
  result.data_fingerprint = data_fingerprint_;
  result.tokenizer_sha256 = corpus_.tokenizer_identity().sha256;
  if (last_evaluation_) result.eval_loss = last_evaluation_->loss;
  result.eval_step = evaluated_step_;
  if (scaler_) result.loss_scale = {scaler_->scale(), scaler_->growth()};
  result.held_out_fingerprint = held_out_fingerprint_;
  result.warm_start_crc32 = warm_start_crc32_;
  return result;
}

void Trainer::restore(const checkpoint::Checkpoint& checkpoint) {
  const auto& state = checkpoint.state;
  if (const auto& here = data_fingerprint_; !corpus_.has_fingerprint(state.data_fingerprint)) {
    const bool same_tokenizer = state.tokenizer_sha256.empty() ||
                                state.tokenizer_sha256 == corpus_.tokenizer_identity().sha256;
    throw UsageError(fmt::format(
        "data.path: {}: not the data of the checkpoint ({} there, {} here{}); resume with the "
        "corpus that the run began with",
        config_.data.path, state.data_fingerprint, here,
        same_tokenizer ? "" : ", by another tokenizer"));
  }
  if (state.step > length_.total_steps) {
    throw UsageError(fmt::format(
        "train.duration: \"{}\": ends at step {}, and the run has come to step {} already; give "
        "a longer one",
        to_string(config_.train.duration), length_.total_steps, state.step));
  }
  set_state(checkpoint);
  samples_seen_ = state.samples_seen;
  rewinds_ = state.rewinds;
  held_out_fingerprint_ = state.held_out_fingerprint;
  warm_start_crc32_ = state.warm_start_crc32;
}

/// Takes over all that training changes, without the place in the data.
void Trainer::set_state(const checkpoint::Checkpoint& checkpoint) {
  load_weights(*decoder_, checkpoint.weights);
  optimizer_.load_state(checkpoint.optimizer);
  set_counters(checkpoint.state);
}

void Trainer::set_counters(const checkpoint::TrainingState& state) {
  step_ = state.step;
  last_evaluation_.reset();
  if (state.eval_loss) last_evaluation_ = Evaluation{*state.eval_loss};
  evaluated_step_ = state.eval_step;
  if (scaler_ && state.loss_scale) {
    scaler_.emplace(state.loss_scale->scale, state.loss_scale->growth);
  }
}

void Trainer::share_state() {
  if (communicator_.is_alone()) return;
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : decoder_->named_state()) communicator_.broadcast(tensor);
  optimizer_.share_state(communicator_);
  const auto state = checkpoint::parse_state(
      communicator_.broadcast(checkpoint::to_json(counters())), "the state of rank 0");
  set_counters(state);
  samples_seen_ = state.samples_seen;
  rewinds_ = state.rewinds;
  held_out_fingerprint_ = state.held_out_fingerprint;
  warm_start_crc32_ = state.warm_start_crc32;
}

void Trainer::note_held_out(const data::Corpus& corpus) {
  auto here = corpus.fingerprint();
  if (!held_out_fingerprint_.empty() && !corpus.has_fingerprint(held_out_fingerprint_)) {
    throw UsageError(fmt::format(
        "data.path: {}: its validation split is not that of the checkpoint ({} there, {} here); "
        "resume with the corpus that the run began with",
        config_.data.path, held_out_fingerprint_, here));
  }
  held_out_fingerprint_ = std::move(here);
}

}  // namespace aero::train
