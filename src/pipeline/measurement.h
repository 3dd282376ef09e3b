#pragma once

#include "aero/config/run_config.h"

#include <map>
#include <string>

namespace aero::pipeline {

/// By key, of which tokens in which contexts a perplexity is; two that are equal compare.
using Measurement = std::map<std::string, std::string>;

/// Of a run of this config. `is_whole`: its evaluation came to the end of the split, whatever
/// eval.batches says.
Measurement measurement_of(const RunConfig& config, bool is_whole);

/// What of `measurement` is otherwise in `reference`.
Measurement difference(const Measurement& measurement, const Measurement& reference);

/// "data.path=other, model.context=64"
std::string settings_text(const Measurement& settings);

}  // namespace aero::pipeline
