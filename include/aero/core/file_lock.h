#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace aero {

/// A lock on a file (flock). It lasts until the last process that has its descriptor closes it, so
/// it ends with its holder, even a killed one. The file stays and names the last holder. On a file
/// system without locks the entry in the file is the lock: it counts while the process that it
/// names lives.
class FileLock {
 public:
  /// Takes the lock, or returns nothing if another process holds it. Throws Error.
  static std::optional<FileLock> attempt(const std::filesystem::path& file);
  /// Waits for the lock. Throws Error.
  static FileLock wait(const std::filesystem::path& file);
  /// Takes over the lock on `file` that the parent process holds and hands down: the environment
  /// variable AERO_LOCK_FD is its descriptor. Returns nothing if there is none, or if it is of
  /// another file.
  static std::optional<FileLock> inherit(const std::filesystem::path& file);

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  int descriptor() const { return descriptor_; }
  /// Whether `file` is still the locked file, not another in its place. A removed file counts as
  /// locked while its folder is the same.
  bool is_on(const std::filesystem::path& file) const;

 private:
  FileLock(int descriptor, const std::filesystem::path& file);

  int descriptor_ = -1;
  std::pair<std::uint64_t, std::uint64_t> folder_;  ///< device and inode of the file's folder
  bool clears_entry_ = false;                       ///< without flock the entry is the lock
};

/// Names the holder that a lock file records, as "process 4711 on host node3"; "another process" if
/// it records none.
std::string holder_of(const std::filesystem::path& lock_file);

/// Takes FOLDER/lock, the lock of a folder in which only one process at a time may write. A lock
/// that the parent hands down counts. Throws UsageError that names the holder if the lock is taken,
/// and Error if the file cannot be written.
FileLock lock_folder(const std::filesystem::path& folder);

}  // namespace aero
