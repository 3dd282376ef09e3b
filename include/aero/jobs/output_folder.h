#pragma once

#include <filesystem>
#include <string>

namespace aero::jobs {

/// Creates a folder and those above it. Throws Error that names it.
void make_folder(const std::filesystem::path& folder);

/// Why the file system would not take this path: "\"norms.json\" is a file", or "a name of 300
/// bytes, where the file system takes 255". Empty where it would.
std::string path_fault(const std::filesystem::path& path);

/// The same for a run's folder, with all that a run keeps in it.
std::string run_path_fault(const std::filesystem::path& folder);

}  // namespace aero::jobs
