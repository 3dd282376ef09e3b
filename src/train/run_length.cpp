#include "aero/train/run_length.h"

#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <string>

namespace aero::train {

RunLength run_length(const RunConfig& config, std::int64_t samples) {
  const auto batch = static_cast<double>(config.train.batch_size * config.train.accumulation);
  RunLength length{config.tokens_per_step(), static_cast<double>(samples) / batch, 0};
  length.total_steps = to_steps(config.train.duration, length);
  return length;
}

void check_length(const RunConfig& config, const RunLength& length) {
  const auto duration = fmt::format("train.duration = \"{}\"", to_string(config.train.duration));
  if (!product({length.total_steps, length.tokens_per_step})) {
    throw UsageError(duration + ": more tokens than can be counted; shorten it");
  }
  const auto warmup = to_steps(config.schedule.warmup, length);
  if (warmup <= length.total_steps) return;
  throw UsageError(fmt::format(
      "schedule.warmup: \"{}\": its {} steps are more than the {} of the training, {}; shorten "
      "it, or give a share as \"5%\"",
      to_string(config.schedule.warmup), warmup, length.total_steps, duration));
}

}  // namespace aero::train
