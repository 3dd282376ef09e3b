#include "aero/train/resume.h"

#include "aero/config/enum_names.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <string>

namespace aero::train {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& there,
                         const std::string& here) {
  throw UsageError(fmt::format(
      "{}: {}: the run began with {}, which its state depends on; resume with that, or begin "
      "another run (train.warm_start takes over the weights)",
      key, here, there));
}

std::int64_t sequences_per_step(const RunConfig& config) {
  return config.train.batch_size * config.train.accumulation;
}

std::string batch_text(const RunConfig& config) {
  return fmt::format("{} x {}", config.train.batch_size, config.train.accumulation);
}

}  // namespace

void check_resume(const RunConfig& begun, const RunConfig& config) {
  if (begun.model != config.model) {
    throw UsageError(
        "model: differs from the model that the run began with; resume with the config in the run "
        "folder, or name another run.folder");
  }
  if (begun.seed != config.seed) {
    refuse("seed", std::to_string(begun.seed), std::to_string(config.seed));
  }
  if (begun.optimizer.name != config.optimizer.name) {
    refuse("optimizer.name", enum_name(begun.optimizer.name), enum_name(config.optimizer.name));
  }
  if (sequences_per_step(begun) != sequences_per_step(config)) {
    refuse("train.batch_size x train.accumulation", batch_text(begun), batch_text(config));
  }
}

std::int64_t evaluated_contexts(const RunConfig& config) {
  return config.eval.batches * config.evaluation_batch();
}

bool evaluates_alike(const RunConfig& a, const RunConfig& b) {
  return evaluated_contexts(a) == evaluated_contexts(b);
}

}  // namespace aero::train
