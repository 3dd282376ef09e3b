#pragma once

#include "aero/jobs/run_state.h"

#include <string>

namespace aero::pipeline {

/// Writes the shortest text that reads back as the same number.
std::string shortest(double value);

/// Writes "52.61", and large values as 1.23e+09.
std::string perplexity_text(double value);
/// Writes a run's perplexity, with a note where it is of a part of the validation split.
std::string perplexity_text(const jobs::RunState& state);

/// "+1.25%", "-0.80%"
std::string percent_change(double percent);

/// "step 812, blocks.3, loss"
std::string describe(const jobs::Nonfinite& event);

}  // namespace aero::pipeline
