#pragma once

#include "split_files.h"

#include <filesystem>
#include <string>

namespace aero::data {

/// The split of a folder with AERO's manifest or with token files of nanoGPT or llm.c, or of a
/// single token file. Throws UsageError that names what was looked for, and whatever makes it
/// doubtful what the corpus is.
SplitFiles find_split(const std::filesystem::path& path, const std::string& split,
                      TokenFormat format);

}  // namespace aero::data
