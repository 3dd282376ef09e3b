#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"

#include <map>
#include <optional>
#include <string>

namespace aero::jobs {

/// Opens a split of a config's corpus without verifying its data. Returns nothing where it cannot
/// be opened; the code that needs the data reports why.
std::optional<data::Corpus> unverified_corpus(RunConfig config, const std::string& split);

/// What identifies a split's data.
struct KnownCorpus {
  std::string fingerprint;
  std::string former_fingerprint;  ///< as in states of older versions
  std::string tokenizer_sha256;
};

/// Remembers splits, so that each is opened only once for many runs, and then closed.
class KnownCorpora {
 public:
  const std::optional<KnownCorpus>& find(const RunConfig& config, const std::string& split);

  /// Returns the present fingerprint of the split where `recorded` is its former one; otherwise,
  /// `recorded`.
  std::string present(const RunConfig& config, const std::string& split,
                      const std::string& recorded);

 private:
  std::map<std::string, std::optional<KnownCorpus>> known_;
};

}  // namespace aero::jobs
