#pragma once

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace aero {

/// The whole file as bytes. Throws Error that names the path when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Writes beside `path`, syncs, and renames over it: a crash or a full disk leaves the old file
/// whole and no part of the new one. Throws Error that names the path and the system's reason.
void write_file(const std::filesystem::path& path, std::string_view content);

/// Flushes a written file or folder to the disk. Throws Error.
void sync_path(const std::filesystem::path& path);

/// Removes a folder and what is in it. It loses its name first, so that a crash leaves no part of
/// it under that name. Throws Error.
void remove_folder(const std::filesystem::path& path);

/// write_file() in parts, for content that should not be in memory at once. Without commit() the
/// destructor removes what was written. A target that is no regular file (a pipe, a device) cannot
/// be renamed over and is written directly.
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

/// A folder that appears whole or not at all: filled under a temporary name beside `target`
/// (".NAME.tmp-PID"), then renamed by commit(). Without commit() the destructor removes it. An
/// existing `target` is replaced.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where to write the files of the folder.
  const std::filesystem::path& path() const { return temporary_; }

  /// Syncs every file and renames the folder to its target. Throws Error; an old target then stays.
  void commit();

  /// Whether `path` has the name of a file or folder that was begun and never committed.
  static bool is_leftover(const std::filesystem::path& path);

  /// Cleans `parent` after a crash: removes leftovers, and gives a folder that was put aside for
  /// its replacement its name back when the replacement never came. Throws Error.
  static void recover(const std::filesystem::path& parent);

 private:
  void replace_target();

  std::filesystem::path target_;
  std::filesystem::path temporary_;
};

/// A regular file for reads at any place. Its bytes are read, not mapped into memory: a file that
/// shrinks while it is in use gives an Error, where a mapping would end the process by SIGBUS. Any
/// number of threads may read.
class RandomAccessFile {
 public:
  /// Throws Error when there is no such regular file or it cannot be opened.
  explicit RandomAccessFile(std::filesystem::path path);
  ~RandomAccessFile();
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&& other) noexcept;
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Bytes, when it was opened.
  std::size_t size() const { return size_; }

  /// When it was written to last, by the file system. Throws Error.
  std::timespec modified() const;

  /// Fills `out` from byte `offset` on. Throws Error where the file ends before, or cannot be read.
  void read(std::size_t offset, std::span<char> out) const;
  /// Bytes [offset, offset + length). Throws as read().
  std::string bytes(std::size_t offset, std::size_t length) const;

  /// Throws Error where it was written to since it was opened: what was read may be of two states.
  void require_unchanged() const;

 private:
  std::filesystem::path path_;
  std::size_t size_ = 0;
  std::timespec modified_{};
  int descriptor_ = -1;
};

}  // namespace aero
