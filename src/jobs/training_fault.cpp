#include "aero/jobs/training_fault.h"

#include "aero/core/error.h"
#include "aero/jobs/unverified_corpus.h"
#include "aero/train/open_corpus.h"
#include "aero/train/precision.h"
#include "aero/train/run_length.h"

namespace aero::jobs {
std::string training_fault(const RunConfig& config) {
  try {
    train::find_device(config.train.device);
    if (const auto corpus = unverified_corpus(config, "train")) {
      train::require_own_tokenizer(config, *corpus);
      train::check_length(config, train::run_length(config, corpus->size()));
    }
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace aero::jobs
