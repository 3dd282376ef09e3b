#pragma once

#include "aero/config/run_config.h"

#include <string>

namespace aero::jobs {

/// Why a run of this config would be refused once it starts, as far as this machine, the length of
/// the corpus and its tokenizer tell: "schedule.warmup: ...". Empty where nothing is wrong, and
/// where the corpus cannot be opened, of which its own run tells.
std::string training_fault(const RunConfig& config);

}  // namespace aero::jobs
