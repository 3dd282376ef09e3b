#pragma once

#include "aero/config/run_config.h"

#include <filesystem>
#include <string>

namespace aero::pipeline {

/// What keeps the run in `folder` from being compared with others of the corpus in `config`: its
/// last checkpoint saw other data, or data of another tokenizer. Empty where nothing does, and
/// where run or corpus are not there to tell.
std::string corpus_conflict(const std::filesystem::path& folder, const RunConfig& config);

}  // namespace aero::pipeline
