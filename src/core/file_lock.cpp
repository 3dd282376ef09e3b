#include "aero/core/file_lock.h"

#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>

namespace aero {
namespace {

namespace fs = std::filesystem;

/// A process. Its start tells it apart from a later process with the same number.
struct Holder {
  std::int64_t pid = 0;
  std::string start;  ///< in clock ticks since the boot, as /proc reports it; may be empty
  std::string host;
};

/// Reads field 22 of /proc/PID/stat, counted from behind the name, which may hold blanks.
std::string start_of(std::int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream rest(line.substr(name_end + 1));
  std::string word;
  for (int field = 3; field <= 22; ++field) rest >> word;
  return word;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

Holder this_process() {
  return {::getpid(), start_of(::getpid()), host_name()};
}

/// "4711 83264 node3"
std::optional<Holder> read_holder(const fs::path& file) {
  std::ifstream stream(file);
  Holder holder;
  if (!(stream >> holder.pid >> holder.start >> holder.host) || holder.pid <= 0) {
    return std::nullopt;
  }
  return holder;
}

/// Ignores failures: a full disk must not keep anyone from a lock.
void write_holder(int descriptor, const Holder& holder) {
  const std::string text =
      fmt::format("{} {} {}\n", holder.pid, holder.start.empty() ? "?" : holder.start, holder.host);
  if (::ftruncate(descriptor, 0) != 0) return;
  if (::pwrite(descriptor, text.data(), text.size(), 0) < 0) return;
}

/// A process on another host counts as alive, since this host cannot find out.
bool is_alive(const Holder& holder) {
  if (holder.host != host_name()) return true;
  if (::kill(static_cast<pid_t>(holder.pid), 0) != 0 && errno == ESRCH) return false;
  return holder.start == "?" || holder.start == start_of(holder.pid);
}

[[noreturn]] void fail(const fs::path& file, int code) {
  throw Error(fmt::format("cannot lock '{}': {}", file.string(), std::strerror(code)));
}

int open_file(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(file, errno);
  return descriptor;
}

/// Returns 0 or the error.
int lock(int descriptor, int operation) {
  while (::flock(descriptor, operation) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

using Identity = std::pair<std::uint64_t, std::uint64_t>;

/// Returns nothing if there is no such file.
std::optional<Identity> identity_of(const fs::path& file) {
  struct stat named {};
  if (::stat(file.c_str(), &named) != 0) return std::nullopt;
  return Identity(named.st_dev, named.st_ino);
}

std::optional<Identity> identity_of(int descriptor) {
  struct stat open {};
  if (::fstat(descriptor, &open) != 0) return std::nullopt;
  return Identity(open.st_dev, open.st_ino);
}

std::optional<Identity> folder_of(const fs::path& file) {
  return identity_of(file.has_parent_path() ? file.parent_path() : fs::path("."));
}

bool has_no_locks(int code) {
  return code == ENOLCK || code == EOPNOTSUPP || code == ENOSYS || code == EINVAL;
}

}  // namespace

std::optional<FileLock> FileLock::attempt(const fs::path& file) {
  FileLock result(open_file(file), file);
  const int code = lock(result.descriptor_, LOCK_EX | LOCK_NB);
  if (code == EWOULDBLOCK) return std::nullopt;
  if (has_no_locks(code)) {
    const auto holder = read_holder(file);
    if (holder && is_alive(*holder)) return std::nullopt;
    result.clears_entry_ = true;
  } else if (code != 0) {
    fail(file, code);
  }
  write_holder(result.descriptor_, this_process());
  return result;
}

FileLock FileLock::wait(const fs::path& file) {
  FileLock result(open_file(file), file);
  const int code = lock(result.descriptor_, LOCK_EX);
  if (code != 0 && !has_no_locks(code)) fail(file, code);
  write_holder(result.descriptor_, this_process());
  return result;
}

std::optional<FileLock> FileLock::inherit(const fs::path& file) {
  const char* const text = std::getenv("AERO_LOCK_FD");
  const auto number = integer_from(text == nullptr ? "" : text);
  if (!number || *number < 0 || *number > std::numeric_limits<int>::max()) return std::nullopt;
  const int descriptor = static_cast<int>(*number);
  const auto handed = identity_of(descriptor);
  if (!handed || handed != identity_of(file)) return std::nullopt;
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  write_holder(descriptor, this_process());
  return FileLock(descriptor, file);
}

FileLock::FileLock(int descriptor, const fs::path& file)
    : descriptor_(descriptor), folder_(folder_of(file).value_or(Identity())) {}

bool FileLock::is_on(const fs::path& file) const {
  const auto named = identity_of(file);
  return named ? named == identity_of(descriptor_) : folder_of(file) == folder_;
}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  if (clears_entry_ && ::ftruncate(descriptor_, 0) != 0) return;
  ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      folder_(other.folder_),
      clears_entry_(std::exchange(other.clears_entry_, false)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(folder_, other.folder_);
  std::swap(clears_entry_, other.clears_entry_);
  return *this;
}

std::string holder_of(const fs::path& lock_file) {
  const auto holder = read_holder(lock_file);
  if (!holder) return "another process";
  return fmt::format("process {} on host {}", holder->pid, holder->host);
}

FileLock lock_folder(const fs::path& folder) {
  const auto file = folder / "lock";
  if (auto inherited = FileLock::inherit(file)) return std::move(*inherited);
  if (auto lock = FileLock::attempt(file)) return std::move(*lock);
  throw UsageError(
      fmt::format("{}: {} works in this folder; wait for it, stop it, or name another folder",
                  folder.string(), holder_of(file)));
}

}  // namespace aero
