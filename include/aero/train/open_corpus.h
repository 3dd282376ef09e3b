#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"

#include <string>

namespace aero::train {

/// The split of config.data, cut for config.model. Throws as data::Corpus::open_split(), and
/// UsageError when data.path is empty.
data::Corpus open_corpus(const RunConfig& config, const std::string& split);

/// Throws UsageError that names both where the tokenizer's file beside a corpus is not the one that
/// made its tokens, unless train.other_tokenizer lets it; Error when the file cannot be read. A run
/// on `corpus` would keep that file as its own.
void require_own_tokenizer(const RunConfig& config, const data::Corpus& corpus);

}  // namespace aero::train
