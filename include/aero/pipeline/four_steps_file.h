#pragma once

#include "aero/config/overrides.h"
#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/pricing.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Reads a pipeline: JSON with comments and trailing commas. docs/pipeline.md documents its keys.
/// Overrides win over the file, and `cost` asks for tables by another cost model or network. Throws
/// a UsageError that lists every fault at once, one per line, including the faults of all models
/// that the steps may lead to.
FourSteps load_four_steps(const std::filesystem::path& file,
                          const std::vector<Override>& overrides = {}, const CostChoice& cost = {});

/// Reads the same from `text`, the content of `file`.
FourSteps parse_four_steps(const std::string& text, const std::filesystem::path& file,
                           const std::vector<Override>& overrides = {},
                           const CostChoice& cost = {});

}  // namespace aero::pipeline
