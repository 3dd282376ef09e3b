#pragma once

#include "aero/jobs/run_state.h"

#include <string>

namespace aero::pipeline {

/// With so many digits after the point.
std::string fixed(double value, int digits);

/// The shortest text that reads back as the same number.
std::string shortest(double value);

/// "52.61"; large ones as 1.23e+09.
std::string perplexity_text(double value);
/// That of a run, and that it is of a part of the validation split where it is.
std::string perplexity_text(const jobs::RunState& state);

/// "+1.25%", "-0.80%"
std::string percent_change(double percent);

/// "step 812, blocks.3, loss"
std::string describe(const jobs::Nonfinite& event);

}  // namespace aero::pipeline
