#pragma once

#include "split_files.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::data {

/// A .bin file whose name tells its split: nanoGPT's train.bin, llm.c's *train*.bin.
struct BinFile {
  std::filesystem::path path;
  std::string split;
};

/// The .bin files in `folder` of the splits "train", "val" and `wanted`, in order of their names;
/// none whose name begins with a dot. Throws UsageError for a name that fits two splits.
std::vector<BinFile> bin_files(const std::filesystem::path& folder, const std::string& wanted);

/// A split of a folder without a manifest; without shards where no file is of it. All token files
/// of the folder, whatever their split, must have one format. Throws UsageError that names files
/// which differ, or one of no known format.
SplitFiles bin_split(const std::filesystem::path& folder, const std::string& split,
                     TokenFormat format);

/// A file as a corpus of one split: the one that its name tells, else "train". Throws MissingSplit
/// when that is not `split`, UsageError when the format is not known.
SplitFiles single_file_split(const std::filesystem::path& path, const std::string& split,
                             TokenFormat format);

/// Throws UsageError where two of the names, or links, are of one file: the same text would be
/// trained on and evaluated on.
void require_distinct(const std::vector<std::filesystem::path>& files);

}  // namespace aero::data
