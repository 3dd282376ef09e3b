/// A library for LD_PRELOAD that records what a program under test changes on the disk:
///   AERO_TEST_RECORD=FILE    where the record goes; the written bytes go to FILE.bytes
///   AERO_TEST_RECORD_UNDER=FOLDER   only changes of paths below this folder are recorded
/// A line of the record is a call and its operands, separated by tabs: mkdir, create, truncate,
/// write (path, place in FILE.bytes, count), fsync, rename, exchange, remove.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int open_to_append(const std::string& path) {
  static auto* const real = next<int(const char*, int, ...)>("open");
  return real(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void put(int descriptor, const char* bytes, std::size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  while (count > 0) {
    const ssize_t written = real(descriptor, bytes, count);
    if (written < 0) std::abort();
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
}

/// The record, and a lock that keeps its lines in the order of the calls.
class Record {
 public:
  Record() {
    const char* const file = std::getenv("AERO_TEST_RECORD");
    const char* const under = std::getenv("AERO_TEST_RECORD_UNDER");
    if (file == nullptr || under == nullptr) return;
    under_ = under;
    lines_ = open_to_append(file);
    bytes_ = open_to_append(std::string(file) + ".bytes");
  }

  bool covers(std::string_view path) const { return lines_ >= 0 && path.starts_with(under_); }

  void line(std::string text) {
    text += '\n';
    put(lines_, text.data(), text.size());
  }

  std::string keep(const void* bytes, std::size_t count) {
    const auto place = ::lseek(bytes_, 0, SEEK_END);
    put(bytes_, static_cast<const char*>(bytes), count);
    return std::to_string(place) + '\t' + std::to_string(count);
  }

  std::mutex lock;

 private:
  std::string under_;
  int lines_ = -1;
  int bytes_ = -1;
};

Record& record() {
  static auto* const the_record = new Record;  // lives as long as any thread
  return *the_record;
}

std::string path_of(int descriptor) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return length < 0 ? "" : std::string(path.data(), static_cast<std::size_t>(length));
}

std::string path_at(int folder, const char* name) {
  if (name[0] == '/' || folder == AT_FDCWD) return name;
  return path_of(folder) + '/' + name;
}

/// Makes a call, and records it where it succeeded.
template <class Call>
auto recorded(const std::string& path, const std::string& line, Call call) {
  auto& all = record();
  if (!all.covers(path)) return call();
  const std::lock_guard guard(all.lock);
  const auto result = call();
  if (result >= 0) all.line(line);
  return result;
}

using Open = int(const char*, int, ...);

int open_and_record(Open* real, const char* path, int flags, mode_t mode) {
  auto& all = record();
  if (!all.covers(path)) return real(path, flags, mode);
  const std::lock_guard guard(all.lock);
  struct stat before {};
  const bool is_new = ::stat(path, &before) != 0;
  const int result = real(path, flags, mode);
  if (result < 0) return result;
  if (is_new) {
    all.line(std::string("create\t") + path);
  } else if ((flags & O_TRUNC) != 0) {
    all.line(std::string("truncate\t") + path + "\t0");
  }
  return result;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  static auto* const real = next<Open>("open");
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_and_record(real, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  static auto* const real = next<Open>("open64");
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_and_record(real, path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  auto& all = record();
  const auto path = path_of(descriptor);
  if (!all.covers(path)) return real(descriptor, bytes, count);
  const std::lock_guard guard(all.lock);
  const auto written = real(descriptor, bytes, count);
  if (written > 0) {
    all.line("write\t" + path + '\t' + all.keep(bytes, static_cast<std::size_t>(written)));
  }
  return written;
}

int fsync(int descriptor) {
  static auto* const real = next<int(int)>("fsync");
  const auto path = path_of(descriptor);
  return recorded(path, "fsync\t" + path, [&] { return real(descriptor); });
}

int truncate(const char* path, off_t size) noexcept {
  static auto* const real = next<int(const char*, off_t)>("truncate");
  return recorded(path, std::string("truncate\t") + path + '\t' + std::to_string(size),
                  [&] { return real(path, size); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return recorded(path, std::string("mkdir\t") + path, [&] { return real(path, mode); });
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<int(const char*, const char*)>("rename");
  return recorded(from, std::string("rename\t") + from + '\t' + to, [&] { return real(from, to); });
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  static auto* const real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  const auto source = path_at(from_folder, from);
  const char* const name = (flags & RENAME_EXCHANGE) != 0 ? "exchange\t" : "rename\t";
  return recorded(source, name + source + '\t' + path_at(to_folder, to),
                  [&] { return real(from_folder, from, to_folder, to, flags); });
}

int unlink(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("unlink");
  return recorded(path, std::string("remove\t") + path, [&] { return real(path); });
}

int unlinkat(int folder, const char* name, int flags) noexcept {
  static auto* const real = next<int(int, const char*, int)>("unlinkat");
  const auto path = path_at(folder, name);
  return recorded(path, "remove\t" + path, [&] { return real(folder, name, flags); });
}

int remove(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("remove");
  return recorded(path, std::string("remove\t") + path, [&] { return real(path); });
}

int rmdir(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("rmdir");
  return recorded(path, std::string("remove\t") + path, [&] { return real(path); });
}

}  // extern "C"
