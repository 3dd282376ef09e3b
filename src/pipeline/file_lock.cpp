#include "file_lock.h"

#include "aero/core/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace aero::pipeline {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, int code) {
  throw Error("cannot lock '" + file.string() + "': " + std::strerror(code));
}

int open_file(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(file, errno);
  return descriptor;
}

/// 0, or the error.
int lock(int descriptor, int operation) {
  while (::flock(descriptor, operation) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

std::optional<FileLock> FileLock::attempt(const std::filesystem::path& file) {
  FileLock result(open_file(file));
  const int code = lock(result.descriptor_, LOCK_EX | LOCK_NB);
  if (code == EWOULDBLOCK) return std::nullopt;
  if (code != 0) fail(file, code);
  return result;
}

FileLock FileLock::wait(const std::filesystem::path& file) {
  FileLock result(open_file(file));
  if (const int code = lock(result.descriptor_, LOCK_EX); code != 0) fail(file, code);
  return result;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

}  // namespace aero::pipeline
