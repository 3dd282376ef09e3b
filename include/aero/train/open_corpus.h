#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"

#include <string>

namespace aero::train {

/// Opens a split of config.data in contexts of config.model. Throws what data::Corpus::open_split()
/// throws, and UsageError when data.path is empty.
data::Corpus open_corpus(const RunConfig& config, const std::string& split);

/// Throws a UsageError that names both tokenizers where the file beside a corpus is not the
/// tokenizer that made its tokens, unless train.other_tokenizer is set. Throws Error when the file
/// cannot be read. A run on `corpus` keeps a copy of that file.
void require_own_tokenizer(const RunConfig& config, const data::Corpus& corpus);

}  // namespace aero::train
