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

/// Writes each of them, and returns why one could not be written, a line each that names the file.
std::vector<std::string> write_all(const std::vector<OutputFile>& files);

/// Creates the folder and waits until no other process writes the tables of that name; where that
/// cannot be (a full disk), the reason is a fault.
std::optional<FileLock> wait_for_tables(const std::filesystem::path& folder,
                                        const std::string& name, std::vector<std::string>& faults);

}  // namespace aero::pipeline
