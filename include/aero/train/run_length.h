#pragma once

#include "aero/config/run_config.h"
#include "aero/core/duration.h"

#include <cstdint>

namespace aero::train {

/// Computes the length of a run over a corpus of `samples` contexts.
RunLength run_length(const RunConfig& config, std::int64_t samples);

/// Checks lengths in epochs, for which the config's own check lacks the corpus. Throws UsageError
/// where the warm-up is longer than the run, or the run has too many tokens to count.
void check_length(const RunConfig& config, const RunLength& length);

}  // namespace aero::train
