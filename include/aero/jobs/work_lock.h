#pragma once

#include "aero/core/file_lock.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace aero::jobs {

/// How long to wait for a lock whose holder may be ending.
inline constexpr auto lock_patience = std::chrono::seconds(2);

/// Takes the lock FOLDER/<name>, whose holder alone may train what `folder` holds. Waits for
/// lock_patience. Throws a UsageError that names the holder where another process keeps it. Where
/// the file cannot be written, logs a warning and returns nothing: the runs have locks of their
/// own.
std::optional<FileLock> lock_work(const std::filesystem::path& folder, const std::string& name);

}  // namespace aero::jobs
