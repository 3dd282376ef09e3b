#include "aero/train/trainer.h"

#include "aero/core/error.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/model/initialization.h"
#include "aero/model/norm.h"
#include "aero/ops/generator.h"
#include "aero/train/run_length.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <numeric>
#include <utility>

namespace aero::train {
namespace {

using Clock = std::chrono::steady_clock;

model::Decoder make_decoder(const RunConfig& config) {
  model::Decoder decoder(config.model);
  model::initialize(*decoder, static_cast<std::uint64_t>(config.seed));
  return decoder;
}

/// Moves a decoder that was passed in to the run's device, after a check of its config.
model::Decoder take_decoder(const RunConfig& config, model::Decoder decoder, torch::Device device) {
  if (decoder.is_empty()) throw UsageError("model: the decoder is empty; pass one that is built");
  auto wanted = config.model;
  auto built = decoder->config();
  wanted.own_parts = built.own_parts = "";
  if (wanted != built) {
    throw UsageError(
        "model: the decoder was built from another config than the run's section \"model\"; give "
        "both the same");
  }
  decoder->to(device);
  return decoder;
}

Schedule make_schedule(const RunConfig& config, const RunLength& length) {
  return {config.schedule, config.optimizer.lr, to_steps(config.schedule.warmup, length),
          length.total_steps};
}

dist::Sharding sharding(const RunConfig& config, const dist::Communicator& communicator) {
  return dist::Sharding(config.train.shard_optimizer ? communicator : dist::Communicator());
}

/// Seeds the random numbers of a step by the seed, the step and the rank only, so that a resumed run
/// draws the same ones without a saved state. The factors keep the steps of neighbouring seeds and
/// ranks apart.
void seed_step(std::int64_t seed, std::int64_t step, int rank) {
  ops::seed_default_generators(static_cast<std::uint64_t>(seed) * 0x9E3779B97F4A7C15 +
                               static_cast<std::uint64_t>(step) +
                               static_cast<std::uint64_t>(rank) * 0xD1B54A32D192ED03);
}

/// Copies x to the device, by way of pinned memory, so that the host does not wait.
torch::Tensor sent_to(torch::Device device, const torch::Tensor& x) {
  return device.is_cuda() ? x.pin_memory().to(device, /*non_blocking=*/true) : x.to(device);
}

}  // namespace

Trainer::Trainer(RunConfig config, data::Corpus corpus, dist::Communicator communicator)
    : Trainer(config, std::move(corpus), make_decoder(config), std::move(communicator)) {
  is_brought_ = false;
}

Trainer::Trainer(RunConfig config, data::Corpus corpus, model::Decoder decoder,
                 dist::Communicator communicator)
    : config_(std::move(config)),
      communicator_(std::move(communicator)),
      corpus_(std::move(corpus)),
      data_fingerprint_(corpus_.fingerprint()),
      sampler_(corpus_.size(), static_cast<std::uint64_t>(config_.seed)),
      device_(use_device(config_.train.device)),
      decoder_(take_decoder(config_, std::move(decoder), device_)),
      parameters_(model::parameters_of(*decoder_)),
      pass_(config_, decoder_, parameters_, communicator_),
      optimizer_(config_.optimizer, parameters_, sharding(config_, communicator_)),
      length_(run_length(config_, corpus_.size())),
      schedule_(make_schedule(config_, length_)) {
  corpus_.require_samples(config_.train.batch_size);
  check_length(config_, length_);
  config_.model.own_parts = decoder_->own_parts();
  if (config_.train.dtype == Precision::float16) scaler_.emplace();
  data::BatchSampler::share({0, config_.train.batch_size}, communicator_.rank(),
                            communicator_.ranks());  // throws where ranks would have nothing
  if (config_.train.cuda_graphs && !communicator_.is_alone()) {
    throw UsageError(
        "train.cuda_graphs: true: several processes cannot record their steps; set it to false");
  }
  if (config_.train.cuda_graphs) record_steps(require_graph_recorder(config_, device_));
}

void Trainer::record_steps(std::unique_ptr<ops::GraphRecorder> recorder) {
  graph_.emplace(std::move(recorder), pass_, parameters_);
}

std::int64_t Trainer::to_steps(const Duration& duration) const {
  return aero::to_steps(duration, length_);
}

void Trainer::require_trainable() const {
  optimizer_.require_same(model::parameters_of(*decoder_));
  if (const auto parts = decoder_->own_parts(); parts != config_.model.own_parts) {
    throw UsageError(fmt::format(
        "model: its own parts were \"{}\" when the trainer was built and are \"{}\"; set parts "
        "before the trainer is built",
        config_.model.own_parts, parts));
  }
  if (step_ > 0 || !is_brought_) return;
  for (const auto& [name, value, kind] : parameters_) {
    if (torch::isfinite(value).all().item<bool>()) continue;
    throw UsageError(fmt::format(
        "model: parameter \"{}\" is not finite before the first step; call model::initialize(), "
        "or load weights that are",
        name));
  }
}

Outcome Trainer::run() {
  require_trainable();
  outcome_.reset();
  try {
    start();
    train();
  } catch (...) {
    const auto fault = std::current_exception();
    try {
      finish(Outcome::failed);
    } catch (const std::exception& error) {
      log::error(error.what());  // beside the fault that ended the run
    }
    std::rethrow_exception(fault);
  }
  const auto outcome = outcome_.value_or(Outcome::finished);
  finish(outcome);
  return outcome;
}

void Trainer::start() {
  first_step_ = step_;
  for (started_callbacks_ = 0; started_callbacks_ < callbacks_.size();) {
    callbacks_[started_callbacks_++]->on_start(*this);
  }
}

void Trainer::train() {
  while (step_ < length_.total_steps && !outcome_) {
    for (const auto& callback : callbacks_) callback->before_step(*this);
    const auto record = train_step();
    if (outcome_) break;
    if (record.step > step_) continue;  // the run went back
    for (const auto& callback : callbacks_) callback->on_step(*this, record);
  }
}

void Trainer::finish(Outcome outcome) {
  // A callback that fails must not keep the others from their work, such as the last checkpoint.
  std::exception_ptr first_fault;
  for (std::size_t i = 0; i < started_callbacks_; ++i) {
    try {
      callbacks_[i]->on_finish(*this, outcome);
    } catch (const std::exception& error) {
      if (first_fault) {
        log::error(error.what());
      } else {
        first_fault = std::current_exception();
      }
    } catch (...) {
      if (!first_fault) first_fault = std::current_exception();
    }
  }
  if (first_fault) std::rethrow_exception(first_fault);
  for (std::size_t i = 0; i < started_callbacks_; ++i) callbacks_[i]->after_finish(*this, outcome);
}

StepRecord Trainer::train_step() {
  const auto start = Clock::now();
  StepRecord record;
  record.step = step_ + 1;
  record.lr = schedule_.learning_rate(step_);
  record.tokens = config_.tokens_per_step();

  is_whole_ = false;  // a callback may have set parts that no step has trained
  optimizer_.require_same(model::parameters_of(*decoder_));
  is_whole_ = true;
  decoder_->train();
  decoder_->set_progress(progress());
  seed_step(config_.seed, step_, communicator_.rank());
  optimizer_.zero_grad();
  const auto measured = compute(take_inputs());
  fetch_ahead();  // while the device works
  const auto [loss, grad_norm, overflows, penalty] = pass_.read(measured);
  record.loss = loss;
  record.grad_norm = grad_norm;
  record.penalty = penalty;

  // Gradients that overflow under a finite loss need a smaller scale. The callbacks judge all
  // other cases.
  const bool rescales = overflows && record.is_finite() && scaler_->scale() > 1;
  const auto verdict = rescales ? Verdict::skip : judge(record);
  if (verdict == Verdict::stop || (verdict == Verdict::rewind && !go_back())) {
    stop(Outcome::nonfinite);
  }
  if (verdict == Verdict::stop || verdict == Verdict::rewind) return record;
  record.updated = verdict == Verdict::update;
  if (record.updated) update(record);
  if (scaler_) scaler_->update(!overflows);
  ++step_;
  decoder_->set_progress(progress());  // for evaluations and checkpoints
  samples_seen_ += samples_per_step();
  record.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return record;
}

void Trainer::update(const StepRecord& record) {
  if (config_.train.clip > 0) clip_gradients(parameters_, record.grad_norm, config_.train.clip);
  is_whole_ = false;
  optimizer_.step(record.lr);
  is_whole_ = true;
  // An evaluation takes their memory. A graph writes into them.
  if (!graph_) optimizer_.zero_grad();
}

/// Returns the last state that a callback has saved. Callbacks save on rank 0 alone.
std::optional<checkpoint::Checkpoint> Trainer::last_saved() {
  for (const auto& callback : callbacks_) {
    if (auto saved = callback->last_saved(*this)) return saved;
  }
  return std::nullopt;
}

/// Goes back to the last saved state, and on with the data that follow those of this step. Returns
/// false where no state is saved.
bool Trainer::go_back() {
  const auto saved = last_saved();
  const auto is_saved = torch::full({}, saved ? 1 : 0, torch::device(device_));
  communicator_.broadcast(is_saved);
  if (is_saved.item<double>() == 0) {
    log::warn("no checkpoint is saved to go back to (checkpoint.every, checkpoint.at_start)");
    return false;
  }
  const auto samples = samples_seen_ + samples_per_step();
  const auto rewinds = rewinds_ + 1;
  if (saved) set_state(*saved);
  share_state();
  samples_seen_ = samples;
  rewinds_ = rewinds;
  const Rewind rewind{last_nonfinite_, step_, samples};
  for (const auto& other : callbacks_) other->on_rewind(*this, rewind);
  return true;
}

double Trainer::progress() const {
  return static_cast<double>(step_) / static_cast<double>(length_.total_steps);
}

torch::Tensor Trainer::compute(const StepInputs& inputs) {
  last_batch_ = inputs.batches.back();
  if (!graph_) return pass_(inputs);
  const auto& model = config_.model;
  const bool is_fixed = model.norm == NormKind::layernorm_fixed;
  return graph_->run(inputs, is_fixed ? model::fixed_norm_gate(model.norm_fixed, progress()) : 1);
}

std::int64_t Trainer::samples_per_step() const {
  return config_.train.batch_size * config_.train.accumulation;
}

StepInputs Trainer::fetch(std::int64_t first_sample) const {
  const auto size = config_.train.batch_size;
  StepInputs inputs;
  std::vector<double>
      weights;  // at first the number of targets of each batch, without ignored ones
  for (std::int64_t i = 0; i < config_.train.accumulation; ++i) {
    const auto [first, count] = data::BatchSampler::share(
        {first_sample + i * size, size}, communicator_.rank(), communicator_.ranks());
    inputs.part = static_cast<double>(count) / static_cast<double>(size);
    const auto batch = corpus_.batch(sampler_.indices(first, count));
    const auto targets = batch.targets.ne(data::ignored_target).sum().item<std::int64_t>();
    weights.push_back(static_cast<double>(targets));
    inputs.batches.push_back({sent_to(device_, batch.inputs), sent_to(device_, batch.targets)});
  }
  // All samples of a corpus have the same number of targets, so this rank has `part` of them.
  const double all = std::reduce(weights.begin(), weights.end()) / inputs.part;
  for (auto& weight : weights) weight /= all;
  inputs.weights = sent_to(device_, torch::tensor(weights, torch::kFloat64));
  return inputs;
}

StepInputs Trainer::take_inputs() {
  auto fetched = std::exchange(fetched_, std::nullopt);
  auto inputs = fetched && fetched->first_sample == samples_seen_ ? std::move(fetched->inputs)
                                                                  : fetch(samples_seen_);
  if (scaler_) {
    inputs.loss_scale = sent_to(device_, torch::scalar_tensor(scaler_->scale(), torch::kFloat64));
  }
  return inputs;
}

void Trainer::fetch_ahead() {
  if (step_ + 1 == length_.total_steps) return;
  try {
    const auto first_sample = samples_seen_ + samples_per_step();
    fetched_ = {first_sample, fetch(first_sample)};
  } catch (const Error&) {
    fetched_.reset();  // the next step reports the fault; this step is whole
  }
}

Verdict Trainer::judge(const StepRecord& record) {
  auto verdict = Verdict::update;
  for (const auto& callback : callbacks_) {
    verdict = std::max(verdict, callback->before_update(*this, record));
  }
  return verdict;
}

void Trainer::report(const NonfiniteEvent& event) {
  last_nonfinite_ = event;
  for (const auto& callback : callbacks_) callback->on_nonfinite(*this, event);
}

void Trainer::report(const LossSpike& spike) {
  for (const auto& callback : callbacks_) callback->on_spike(*this, spike);
}

void Trainer::report(const EntropyRecord& record) {
  for (const auto& callback : callbacks_) callback->on_entropy(*this, record);
}

void Trainer::report(const Evaluation& evaluation) {
  last_evaluation_ = evaluation;
  evaluated_step_ = step_;
  for (const auto& callback : callbacks_) callback->on_evaluation(*this, evaluation);
}

}  // namespace aero::train
