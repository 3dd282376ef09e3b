#pragma once

#include "aero/config/overrides.h"
#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/pricing.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Reads a pipeline: JSON with comments and trailing commas, its keys in docs/pipeline.md; the
/// overrides win over it, and `cost` asks for tables by another cost model or network. Throws
/// UsageError that lists every fault at once, a line each, those of all models that the steps may
/// come to included.
FourSteps load_four_steps(const std::filesystem::path& file,
                          const std::vector<Override>& overrides = {}, const CostChoice& cost = {});

/// The same from a text that stands for `file`.
FourSteps parse_four_steps(const std::string& text, const std::filesystem::path& file,
                           const std::vector<Override>& overrides = {},
                           const CostChoice& cost = {});

}  // namespace aero::pipeline
