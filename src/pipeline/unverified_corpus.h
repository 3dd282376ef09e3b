#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"

#include <map>
#include <optional>
#include <string>

namespace aero::pipeline {

/// The split of a config's corpus by its headers alone; nothing where it cannot be opened, of which
/// whoever uses it tells.
std::optional<data::Corpus> unverified_corpus(RunConfig config, const std::string& split);

/// Splits that are looked at once for many runs.
class KnownCorpora {
 public:
  const std::optional<data::Corpus>& find(const RunConfig& config, const std::string& split);

 private:
  std::map<std::string, std::optional<data::Corpus>> known_;
};

}  // namespace aero::pipeline
