#include "aero/core/files.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace aero {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view begun_mark = ".tmp-";
constexpr std::string_view aside_mark = ".old-";

[[noreturn]] void fail(const char* verb, const fs::path& path, int code) {
  std::string message =
      fmt::format("cannot {} '{}': {}", verb, path.string(), std::generic_category().message(code));
  if (code == ENOSPC || code == EDQUOT) {
    message += "; what was there before is kept: free some space and try again";
  }
  throw Error(message);
}

[[noreturn]] void fail(const char* verb, const fs::path& path, const std::error_code& error) {
  fail(verb, path, error.value());
}

/// Repeats a call that a signal interrupts.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

int open_to_read(const fs::path& path) {
  return retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
}

/// Lets this process open as many files as the system allows: a corpus may have a thousand shards.
void raise_limit_of_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// A descriptor that its destructor closes.
class Descriptor {
 public:
  explicit Descriptor(const fs::path& path) : value_(open_to_read(path)) {
    if (value_ < 0 && errno == EMFILE) {
      raise_limit_of_open_files();
      value_ = open_to_read(path);
    }
    if (value_ < 0) fail("open", path, errno);
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int value() const { return value_; }

  /// Hands the descriptor to the caller, who closes it.
  int release() { return std::exchange(value_, -1); }

  struct stat status(const fs::path& path) const {
    struct stat result {};
    if (::fstat(value_, &result) != 0) fail("read", path, errno);
    return result;
  }

 private:
  int value_;
};

/// ".NAME<mark>PID" beside `target`.
fs::path beside(const fs::path& target, std::string_view mark) {
  return target.parent_path() /
         fmt::format(".{}{}{}", target.filename().string(), mark, ::getpid());
}

/// Returns the NAME of ".NAME<mark>PID", or nothing for another kind of name.
std::optional<std::string> name_before(std::string_view mark, const fs::path& path) {
  const std::string name = path.filename().string();
  const std::size_t at = name.rfind(mark);
  if (name.front() != '.' || at == std::string::npos || at < 2) return std::nullopt;
  const std::size_t digits = at + mark.size();
  if (digits == name.size() || name.find_first_not_of("0123456789", digits) != std::string::npos) {
    return std::nullopt;
  }
  return name.substr(1, at - 1);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Drops a slash at the end: "runs/a/" names the same folder as "runs/a", but has no last part to
/// put a mark on.
fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail("remove", path, error);
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail("write", to, errno);
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor file(path);
  std::string content;
  content.reserve(static_cast<std::size_t>(file.status(path).st_size));
  constexpr std::size_t part = std::size_t{1} << 20;
  while (true) {
    const std::size_t filled = content.size();
    content.resize(filled + part);
    const ssize_t count = retry([&] { return ::read(file.value(), &content[filled], part); });
    if (count < 0) fail("read", path, errno);
    content.resize(filled + static_cast<std::size_t>(count));
    if (count == 0) return content;
  }
}

void write_file(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.append(content);
  file.commit();
}

void sync_path(const fs::path& path) {
  const Descriptor file(path);
  // EINVAL: a file system that cannot sync this kind of file, such as a folder over the network.
  if (retry([&] { return ::fsync(file.value()); }) != 0 && errno != EINVAL) {
    fail("write", path, errno);
  }
}

void remove_folder(const fs::path& path) {
  const fs::path named = without_slash(path);
  const fs::path leftover = beside(named, begun_mark);
  remove_tree(leftover);
  if (::rename(named.c_str(), leftover.c_str()) == 0) return remove_tree(leftover);
  // EXDEV: a folder from a lower layer of an overlay can be removed but not renamed.
  if (errno != EXDEV) fail("remove", named, errno);
  remove_tree(named);
}

AtomicFile::AtomicFile(const fs::path& target) : target_(target) {
  std::error_code error;
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail("write", target, EISDIR);
  int flags = O_WRONLY | O_CLOEXEC;
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    // A symbolic link keeps pointing where it does: the file behind it is the one to replace.
    if (fs::is_symlink(target, error)) target_ = fs::weakly_canonical(target, error);
    temporary_ = beside(target_, begun_mark);
    flags |= O_CREAT | O_TRUNC;
  }
  const fs::path& opened = temporary_.empty() ? target_ : temporary_;
  descriptor_ = retry([&] { return ::open(opened.c_str(), flags, 0666); });
  if (descriptor_ < 0) fail("write", target_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = retry([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
    if (count < 0) fail("write", target_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (temporary_.empty()) return;
  if (retry([&] { return ::fsync(descriptor_); }) != 0) fail("write", target_, errno);
  rename_path(temporary_, target_);
  temporary_.clear();
  sync_path(folder_of(target_));
}

AtomicFolder::AtomicFolder(fs::path target)
    : target_(without_slash(target)), temporary_(beside(target_, begun_mark)) {
  remove_tree(temporary_);
  std::error_code error;
  if (!fs::create_directory(temporary_, error)) fail("create", target_, error);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  std::error_code error;
  fs::recursive_directory_iterator entry(temporary_, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_symlink()) sync_path(entry->path());
  }
  if (error) fail("write", target_, error);
  sync_path(temporary_);
  if (fs::exists(fs::symlink_status(target_, error))) {
    replace_target();
  } else {
    rename_path(temporary_, target_);
    temporary_.clear();
  }
  sync_path(folder_of(target_));
}

void AtomicFolder::replace_target() {
  // One step suffices if the file system can exchange two names. The old folder then has the
  // temporary name, and the destructor removes it.
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
    return;
  }
  if (errno != EINVAL && errno != ENOSYS) fail("write", target_, errno);
  const fs::path aside = beside(target_, aside_mark);
  remove_tree(aside);
  rename_path(target_, aside);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int code = errno;
    rename_path(aside, target_);
    fail("write", target_, code);
  }
  temporary_ = aside;
}

bool AtomicFolder::is_leftover(const fs::path& path) {
  return name_before(begun_mark, path) || name_before(aside_mark, path);
}

void AtomicFolder::recover(const fs::path& parent) {
  std::error_code error;
  std::vector<fs::path> leftovers;
  fs::directory_iterator entry(parent, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (is_leftover(entry->path())) leftovers.push_back(entry->path());
  }
  if (error) fail("read", parent, error);
  for (const fs::path& leftover : leftovers) {
    const auto name = name_before(aside_mark, leftover);
    if (name && !fs::exists(parent / *name, error)) {
      rename_path(leftover, parent / *name);
    } else {
      remove_tree(leftover);
    }
  }
}

RandomAccessFile::RandomAccessFile(fs::path path) : path_(std::move(path)) {
  Descriptor file(path_);
  const struct stat status = file.status(path_);
  if (S_ISDIR(status.st_mode)) fail("read", path_, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    throw Error(fmt::format("cannot read '{}': not a regular file", path_.string()));
  }
  size_ = static_cast<std::size_t>(status.st_size);
  modified_ = status.st_mtim;
  descriptor_ = file.release();
}

RandomAccessFile::~RandomAccessFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : path_(std::move(other.path_)),
      size_(other.size_),
      modified_(other.modified_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

RandomAccessFile& RandomAccessFile::operator=(RandomAccessFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(size_, other.size_);
  std::swap(modified_, other.modified_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void RandomAccessFile::read(std::size_t offset, std::span<char> out) const {
  while (!out.empty()) {
    const ssize_t count = retry(
        [&] { return ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset)); });
    if (count < 0) fail("read", path_, errno);
    if (count == 0) {
      throw Error(fmt::format(
          "cannot read '{}': it ends at byte {}, but had {} bytes when it was opened; put "
          "it back as it was, and leave it alone while it is in use",
          path_.string(), offset, size_));
    }
    offset += static_cast<std::size_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

std::timespec RandomAccessFile::modified() const {
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0) fail("read", path_, errno);
  return now.st_mtim;
}

void RandomAccessFile::require_unchanged() const {
  const auto now = modified();
  if (now.tv_sec == modified_.tv_sec && now.tv_nsec == modified_.tv_nsec) return;
  throw Error(fmt::format(
      "cannot read '{}': it was written to after it had been opened; put it back as it was, "
      "and leave it alone while it is in use",
      path_.string()));
}

std::string RandomAccessFile::bytes(std::size_t offset, std::size_t length) const {
  std::string result(length, '\0');
  read(offset, result);
  return result;
}

}  // namespace aero
