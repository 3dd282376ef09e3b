#pragma once

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace aero {

/// Returns the whole file as bytes. Throws Error that names the path if it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Writes beside `path`, syncs, and renames over it: a crash or a full disk leaves the old file
/// whole and no part of the new one. Throws Error that names the path and the system's reason.
void write_file(const std::filesystem::path& path, std::string_view content);

/// Flushes a written file or folder to the disk. Throws Error.
void sync_path(const std::filesystem::path& path);

/// Removes a folder and its contents. The folder is renamed first, so that a crash leaves no part
/// of it under its name. Throws Error.
void remove_folder(const std::filesystem::path& path);

/// Writes a file as write_file() does, but in parts, for content that should not be in memory all
/// at once. Without commit() the destructor removes what was written. A target that is not a
/// regular file (a pipe, a device) cannot be replaced by a rename, so it is written directly.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Error.
  void append(std::string_view bytes);
  /// Syncs the file and gives it its name. Throws Error.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;  ///< empty when the target is written directly or committed
  int descriptor_ = -1;
};

/// A folder that appears whole or not at all. It is filled under a temporary name beside `target`
/// (".NAME.tmp-PID"), and commit() renames it. Without commit() the destructor removes it. An
/// existing `target` is replaced.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where to write the files of the folder.
  const std::filesystem::path& path() const { return temporary_; }

  /// Syncs every file and renames the folder to its target. Throws Error; an old target stays then.
  void commit();

  /// Whether `path` has the name of a file or folder that was begun and never committed.
  static bool is_leftover(const std::filesystem::path& path);

  /// Cleans `parent` after a crash: removes leftovers, and restores a folder that was put aside for
  /// a replacement that never came. Throws Error.
  static void recover(const std::filesystem::path& parent);

 private:
  void replace_target();

  std::filesystem::path target_;
  std::filesystem::path temporary_;
};

/// A regular file that can be read at any place. Its bytes are read, not mapped into memory: a file
/// that shrinks while it is in use gives an Error, whereas a mapping would end the process by
/// SIGBUS. Any number of threads may read.
class RandomAccessFile {
 public:
  /// Throws Error if there is no such regular file or it cannot be opened.
  explicit RandomAccessFile(std::filesystem::path path);
  ~RandomAccessFile();
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&& other) noexcept;
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The size in bytes when the file was opened.
  std::size_t size() const { return size_; }

  /// Returns the time of the last write that the file system reports. Throws Error.
  std::timespec modified() const;

  /// Fills `out` from byte `offset` on. Throws Error if the file ends too early or cannot be read.
  void read(std::size_t offset, std::span<char> out) const;
  /// Returns the bytes [offset, offset + length). Throws as read() does.
  std::string bytes(std::size_t offset, std::size_t length) const;

  /// Throws Error if the file was written to after it was opened: what was read may then mix two
  /// states.
  void require_unchanged() const;

 private:
  std::filesystem::path path_;
  std::size_t size_ = 0;
  std::timespec modified_{};
  int descriptor_ = -1;
};

}  // namespace aero
