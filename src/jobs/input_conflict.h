#pragma once

#include "aero/config/run_config.h"
#include "aero/jobs/unverified_corpus.h"

#include <filesystem>
#include <string>

namespace aero::jobs {

/// What keeps the run in `folder` from being compared with others of `config`: its last checkpoint
/// saw another corpus or validation split, or it began with other weights. Empty where nothing
/// does, and where run, corpus or weights are not there to tell.
std::string input_conflict(const std::filesystem::path& folder, const RunConfig& config,
                           KnownCorpora& corpora);

}  // namespace aero::jobs
