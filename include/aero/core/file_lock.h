#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace aero {

/// A lock on a file (flock), held until the last process that has the descriptor closes it: it ends
/// with its holder, however that ends. The file stays and says who held it last. On a file system
/// without locks the holder's entry decides: it counts while that process lives.
class FileLock {
 public:
  /// Nothing where another process holds the lock. Throws Error.
  static std::optional<FileLock> attempt(const std::filesystem::path& file);
  /// Waits for the lock. Throws Error.
  static FileLock wait(const std::filesystem::path& file);
  /// The lock that the parent process holds on `file` and handed over: its descriptor stands in
  /// the environment variable AERO_LOCK_FD. Nothing where there is none, or one of another file.
  static std::optional<FileLock> inherit(const std::filesystem::path& file);

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  int descriptor() const { return descriptor_; }
  /// Whether `file` is still the one that is locked, not another in its place. One that was removed
  /// counts while its folder is the same.
  bool is_on(const std::filesystem::path& file) const;

 private:
  FileLock(int descriptor, const std::filesystem::path& file);

  int descriptor_ = -1;
  std::pair<std::uint64_t, std::uint64_t> folder_;  ///< device and inode of the file's folder
  bool clears_entry_ = false;                       ///< without flock the entry is the lock
};

/// "process 4711 on host node3", as the lock's file says; "another process" where it says nothing.
std::string holder_of(const std::filesystem::path& lock_file);

/// The lock of a folder in which one process at a time may write, FOLDER/lock; a lock that the
/// parent handed over counts. Throws UsageError that names the holder where it is taken, Error
/// where the file cannot be written.
FileLock lock_folder(const std::filesystem::path& folder);

}  // namespace aero
