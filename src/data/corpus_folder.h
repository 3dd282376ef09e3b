#pragma once

#include "split_files.h"

#include <filesystem>
#include <string>

namespace aero::data {

/// Finds a split in a folder with AERO's manifest or with token files of nanoGPT or llm.c, or in a
/// single token file. Throws UsageError that names the files looked for, or the files that make the
/// corpus ambiguous.
SplitFiles find_split(const std::filesystem::path& path, const std::string& split,
                      TokenFormat format);

}  // namespace aero::data
