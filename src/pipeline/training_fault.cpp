#include "training_fault.h"

#include "aero/core/error.h"
#include "aero/train/open_corpus.h"
#include "aero/train/precision.h"
#include "aero/train/run_length.h"

#include <optional>

namespace aero::pipeline {
namespace {

/// The training split; nothing where it cannot be opened.
std::optional<data::Corpus> corpus_of(RunConfig config) {
  config.data.verify = false;  // its headers suffice
  try {
    return train::open_corpus(config, "train");
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::string training_fault(const RunConfig& config) {
  try {
    train::find_device(config.train.device);
    if (const auto corpus = corpus_of(config)) {
      train::require_own_tokenizer(config, *corpus);
      train::check_length(config, train::run_length(config, corpus->size()));
    }
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

}  // namespace aero::pipeline
