#pragma once

#include "aero/config/run_config.h"

#include <string>

namespace aero::jobs {

/// Says why a run of this config would be refused when it starts, as far as this machine, the
/// length of the corpus and its tokenizer show: "schedule.warmup: ...". Empty where nothing is
/// wrong, and where the corpus cannot be opened, which the run itself reports.
std::string training_fault(const RunConfig& config);

}  // namespace aero::jobs
