#pragma once

#include "split_files.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::data {

/// A .bin file whose name contains its split: nanoGPT's train.bin, llm.c's *train*.bin.
struct BinFile {
  std::filesystem::path path;
  std::string split;
};

/// Finds the .bin files of the splits "train", "val" and `wanted` in a folder, in order of their
/// names. Names that begin with a dot are left out. Throws UsageError for a name that fits two
/// splits.
std::vector<BinFile> bin_files(const std::filesystem::path& folder, const std::string& wanted);

/// Finds a split in a folder without a manifest; it has no shards if no file belongs to it. All
/// token files of the folder, of any split, must have one format. Throws UsageError that names
/// files that differ, or a file of no known format.
SplitFiles bin_split(const std::filesystem::path& folder, const std::string& split,
                     TokenFormat format);

/// Takes a file as a corpus of one split: the split that its name contains, else "train". Throws
/// MissingSplit if that is not `split`, and UsageError if the format is unknown.
SplitFiles single_file_split(const std::filesystem::path& path, const std::string& split,
                             TokenFormat format);

/// Throws UsageError if two of the names or links refer to one file: a run would train and evaluate
/// on the same text.
void require_distinct(const std::vector<std::filesystem::path>& files);

}  // namespace aero::data
