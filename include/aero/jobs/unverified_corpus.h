#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"

#include <map>
#include <optional>
#include <string>

namespace aero::jobs {

/// The split of a config's corpus by its headers alone; nothing where it cannot be opened, of which
/// whoever uses it tells.
std::optional<data::Corpus> unverified_corpus(RunConfig config, const std::string& split);

/// What tells a split's data from other data.
struct KnownCorpus {
  std::string fingerprint;
  std::string former_fingerprint;  ///< as earlier states have it
  std::string tokenizer_sha256;
};

/// Splits that are looked at once for many runs, and then closed.
class KnownCorpora {
 public:
  const std::optional<KnownCorpus>& find(const RunConfig& config, const std::string& split);

 private:
  std::map<std::string, std::optional<KnownCorpus>> known_;
};

}  // namespace aero::jobs
