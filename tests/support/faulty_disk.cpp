/// A library for LD_PRELOAD that makes the disk of a program under test fail on purpose:
///   AERO_TEST_FULL=TEXT         writes to files whose path contains TEXT fail with ENOSPC,
///   AERO_TEST_FULL_UNTIL=FILE   ... until FILE exists
///   AERO_TEST_NO_LOCKS=1        the file system knows no flock
#include <dlfcn.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string path_of(int descriptor) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return length < 0 ? "" : std::string(path.data(), static_cast<std::size_t>(length));
}

bool is_full(int descriptor) {
  const char* const text = std::getenv("AERO_TEST_FULL");
  if (text == nullptr || path_of(descriptor).find(text) == std::string::npos) return false;
  const char* const until = std::getenv("AERO_TEST_FULL_UNTIL");
  return until == nullptr || ::access(until, F_OK) != 0;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  if (is_full(descriptor)) {
    errno = ENOSPC;
    return -1;
  }
  return real(descriptor, bytes, count);
}

extern "C" int flock(int descriptor, int operation) noexcept {
  static auto* const real = next<int(int, int)>("flock");
  if (std::getenv("AERO_TEST_NO_LOCKS") != nullptr) {
    errno = ENOSYS;
    return -1;
  }
  return real(descriptor, operation);
}
