#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"

#include <string>

namespace aero::train {

/// The split of config.data, cut for config.model. Throws as data::Corpus::open_split(), and
/// UsageError when data.path is empty.
data::Corpus open_corpus(const RunConfig& config, const std::string& split);

}  // namespace aero::train
