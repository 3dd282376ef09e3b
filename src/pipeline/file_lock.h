#pragma once

#include <filesystem>
#include <optional>

namespace aero::pipeline {

/// A lock on a file (flock), held until the last process that has the descriptor closes it. The
/// file stays: it is the lock's name.
class FileLock {
 public:
  /// Nothing where another process holds the lock. Throws Error.
  static std::optional<FileLock> attempt(const std::filesystem::path& file);
  /// Waits for the lock. Throws Error.
  static FileLock wait(const std::filesystem::path& file);

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace aero::pipeline
