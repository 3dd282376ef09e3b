#pragma once

#include "aero/core/file_lock.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Creates a folder and those above it. Throws Error that names it.
void make_folder(const std::filesystem::path& folder);

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

/// Why the file system would not take this path: "\"norms.json\" is a file", or "a name of 300
/// bytes, where the file system takes 255". Empty where it would.
std::string path_fault(const std::filesystem::path& path);

/// The same for a run's folder, with all that a run keeps in it.
std::string run_path_fault(const std::filesystem::path& folder);

}  // namespace aero::pipeline
