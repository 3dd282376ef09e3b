#pragma once

#include <filesystem>
#include <string>

namespace aero::jobs {

/// Creates a folder and the folders above it. Throws an Error that names it.
void make_folder(const std::filesystem::path& folder);

/// Says why the file system would refuse this path: "'norms.json' is a file", or "a name of 300
/// bytes, where the file system takes 255". Empty where it would accept it.
std::string path_fault(const std::filesystem::path& path);

/// Says the same of a run's folder and of all files that a run writes there.
std::string run_path_fault(const std::filesystem::path& folder);

}  // namespace aero::jobs
