#pragma once

#include "aero/config/run_config.h"
#include "aero/core/duration.h"

#include <cstdint>

namespace aero::train {

/// The length of a run over a corpus of so many samples, contexts of T tokens.
RunLength run_length(const RunConfig& config, std::int64_t samples);

/// What the config's own check cannot see, as it needs the corpus: lengths in epochs. Throws
/// UsageError where the warm-up is longer than the run, or its tokens are too many to count.
void check_length(const RunConfig& config, const RunLength& length);

}  // namespace aero::train
