#pragma once

#include "aero/core/file_lock.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace aero::jobs {

/// How long a lock may be held by a process that is just dying.
inline constexpr auto lock_patience = std::chrono::seconds(2);

/// The right to train what `folder` holds, FOLDER/<name>; a process that is just dying is waited
/// for. Throws UsageError that names the holder where it is taken. Nothing, with a warning, where
/// the file cannot be written: the runs have locks of their own.
std::optional<FileLock> lock_work(const std::filesystem::path& folder, const std::string& name);

}  // namespace aero::jobs
