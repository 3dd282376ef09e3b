#include "aero/train/entropy_watch.h"

#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/trainer.h"

namespace aero::train {
namespace {

std::string nats(double value) {
  return fmt::format("{:.3f}", value);
}

EntropyState state_of(const EntropyStatistics& statistics, std::size_t layer,
                      const EntropyConfig& config) {
  const double share = statistics.layer_mean(layer) / statistics.uniform;
  if (statistics.nonfinite_rows[layer] > 0) return EntropyState::nonfinite;
  if (share < config.collapse_below) return EntropyState::collapsed;
  if (share > config.overload_above) return EntropyState::overloaded;
  return EntropyState::normal;
}

void announce(std::int64_t step, const EntropyRecord& record, std::size_t layer) {
  const auto& statistics = record.statistics;
  const auto place = fmt::format("step {}: layer {}: ", step, layer);
  const auto mean = fmt::format("mean entropy {} of at most {} nats",
                                nats(statistics.layer_mean(layer)), nats(statistics.uniform));
  switch (record.states[layer]) {
    case EntropyState::collapsed:
      log::warn(place + "attention entropy has collapsed, " + mean);
      break;
    case EntropyState::overloaded:
      log::info(place + "attention entropy is overloaded, " + mean);
      break;
    case EntropyState::nonfinite:
      log::warn(fmt::format("{}the entropy of {} attention rows is not finite", place,
                            statistics.nonfinite_rows[layer]));
      break;
    case EntropyState::normal:
      log::info(place + "attention entropy is in range again, " + mean);
      break;
  }
}

}  // namespace

std::vector<std::int64_t> EntropyRecord::layers(EntropyState state) const {
  std::vector<std::int64_t> result;
  for (std::size_t l = 0; l < states.size(); ++l) {
    if (states[l] == state) result.push_back(static_cast<std::int64_t>(l));
  }
  return result;
}

void EntropyWatch::on_start(Trainer& trainer) {
  if (trainer.step() == 0) {
    report(trainer);
  } else if (const auto record = measure(trainer)) {
    states_ = record->states;  // already logged before the interruption
  }
}

void EntropyWatch::on_step(Trainer& trainer, const StepRecord& record) {
  const auto every = trainer.to_steps(trainer.config().entropy.every);
  const bool is_due = every > 0 && record.step % every == 0;
  if (is_due || record.step == trainer.total_steps()) report(trainer);
}

void EntropyWatch::on_nonfinite(Trainer& trainer, const NonfiniteEvent& event) {
  // Reports the state in which the run ends. A skipped step changes nothing.
  if (event.action == "stop") report(trainer);
}

std::optional<EntropyRecord> EntropyWatch::measure(Trainer& trainer) {
  const auto& config = trainer.config();
  if (config.entropy.batches == 0) return std::nullopt;
  const auto statistics = measure_entropy(trainer.decoder(), *corpus_,
                                          {.batch_size = config.evaluation_batch(),
                                           .batches = config.entropy.batches,
                                           .precision = config.train.dtype,
                                           .proceed = proceed_,
                                           .communicator = trainer.communicator()});
  if (!statistics) return std::nullopt;
  EntropyRecord record{*statistics, learned_scalars(*trainer.decoder()), {}};
  for (std::size_t l = 0; l < statistics->mean.size(); ++l) {
    record.states.push_back(state_of(*statistics, l, config.entropy));
  }
  return record;
}

void EntropyWatch::report(Trainer& trainer) {
  const auto record = measure(trainer);
  if (!record) return;
  trainer.report(*record);
  states_.resize(record->states.size(), EntropyState::normal);
  for (std::size_t l = 0; l < states_.size(); ++l) {
    const bool is_news = record->states[l] != states_[l] && trainer.communicator().leads();
    if (is_news) announce(trainer.step(), *record, l);
  }
  states_ = record->states;
}

}  // namespace aero::train
