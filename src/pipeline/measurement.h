#pragma once

#include "aero/config/run_config.h"

#include <map>
#include <string>

namespace aero::pipeline {

/// The keys by which the perplexity of a run of `config` is of other tokens, or of tokens in other
/// contexts, than that of one of `reference`, with their values in `config`: the two do not
/// compare. Empty where they do.
std::map<std::string, std::string> measured_otherwise(const RunConfig& config,
                                                      const RunConfig& reference);

/// "data.path=other, model.context=64"
std::string settings_text(const std::map<std::string, std::string>& settings);

}  // namespace aero::pipeline
