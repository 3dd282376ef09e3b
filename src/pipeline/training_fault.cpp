#include "training_fault.h"

#include "aero/core/error.h"
#include "aero/train/open_corpus.h"
#include "aero/train/precision.h"
#include "aero/train/run_length.h"

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

}  // namespace

std::string training_fault(const RunConfig& config) {
  try {
    train::find_device(config.train.device);
    if (const auto samples = samples_of(config)) {
      train::check_length(config, train::run_length(config, *samples));
    }
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

}  // namespace aero::pipeline
