#pragma once

#include "aero/core/file_lock.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

struct OutputFile {
  std::filesystem::path path;
  std::string content;
};

/// Writes all files. Returns a line for each that could not be written, with its name and the
/// reason.
std::vector<std::string> write_all(const std::vector<OutputFile>& files);

/// Creates the folder and waits until no other process writes the tables of that name. Where it
/// cannot (a full disk), adds the reason to `faults` and returns nothing.
std::optional<FileLock> wait_for_tables(const std::filesystem::path& folder,
                                        const std::string& name, std::vector<std::string>& faults);

}  // namespace aero::pipeline
