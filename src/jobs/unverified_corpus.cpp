#include "aero/jobs/unverified_corpus.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/train/open_corpus.h"

namespace aero::jobs {

std::optional<data::Corpus> unverified_corpus(RunConfig config, const std::string& split) {
  config.data.verify = false;
  try {
    return train::open_corpus(config, split);
  } catch (const Error&) {
    return std::nullopt;
  }
}

const std::optional<KnownCorpus>& KnownCorpora::find(const RunConfig& config,
                                                     const std::string& split) {
  const auto key = fmt::format("{}\n{}\n{}\n{}\n{}", config.data.path, split,
                               static_cast<int>(config.data.format), config.model.context,
                               config.model.vocab_size);
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  std::optional<KnownCorpus> facts;
  if (const auto corpus = unverified_corpus(config, split)) {
    facts = {corpus->fingerprint(), corpus->former_fingerprint(),
             corpus->tokenizer_identity().sha256};
  }
  return known_.emplace(key, std::move(facts)).first->second;
}

std::string KnownCorpora::present(const RunConfig& config, const std::string& split,
                                  const std::string& recorded) {
  if (recorded.empty()) return recorded;
  const auto& corpus = find(config, split);
  return corpus && corpus->former_fingerprint == recorded ? corpus->fingerprint : recorded;
}

}  // namespace aero::jobs
