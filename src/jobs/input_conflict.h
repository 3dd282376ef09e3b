#pragma once

#include "aero/config/run_config.h"
#include "aero/jobs/unverified_corpus.h"

#include <filesystem>
#include <string>

namespace aero::jobs {

/// Says why the run in `folder` does not compare with other runs of `config`: it was trained or
/// evaluated on other data, or began with other weights. Empty where it compares, and where the
/// run, the corpus or the weights are missing.
std::string input_conflict(const std::filesystem::path& folder, const RunConfig& config,
                           KnownCorpora& corpora);

}  // namespace aero::jobs
