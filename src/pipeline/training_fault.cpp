#include "training_fault.h"

#include "aero/core/error.h"
#include "aero/train/open_corpus.h"
#include "aero/train/precision.h"

#include <optional>

namespace aero::pipeline {
namespace {

/// Samples of the training split; nothing where it cannot be opened.
std::optional<std::int64_t> samples_of(RunConfig config) {
  config.data.verify = false;  // its length alone counts here
  try {
    return train::open_corpus(config, "train").size();
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// A warm-up in steps or tokens beside a run in epochs can be compared once the corpus is there.
std::string schedule_fault(const RunConfig& config, std::int64_t samples) {
  const double batch =
      static_cast<double>(config.train.batch_size) * static_cast<double>(config.train.accumulation);
  RunLength length{config.tokens_per_step(), static_cast<double>(samples) / batch, 0};
  length.total_steps = to_steps(config.train.duration, length);
  const auto warmup = to_steps(config.schedule.warmup, length);
  if (warmup <= length.total_steps) return "";
  return "schedule.warmup: \"" + to_string(config.schedule.warmup) +
         "\": " + std::to_string(warmup) +
         " steps are longer than the training, train.duration = \"" +
         to_string(config.train.duration) + "\", which is " + std::to_string(length.total_steps) +
         " steps of this corpus; shorten it, or give a share as \"5%\"";
}

}  // namespace

std::string training_fault(const RunConfig& config) {
  try {
    train::find_device(config.train.device);
    const auto samples = samples_of(config);
    return samples ? schedule_fault(config, *samples) : "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

}  // namespace aero::pipeline
