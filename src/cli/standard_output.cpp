#include "cli/standard_output.h"

#include "aero/core/error.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <system_error>
#include <utility>

namespace aero::cli {
namespace {

constexpr std::size_t most_held = std::size_t{1} << 16;

[[noreturn]] void fail(int code) {
  if (code == EPIPE) {
    // The process may have been started with the signal ignored.
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  throw Error("cannot write the output: " + std::generic_category().message(code));
}

/// Waits until a non-blocking standard output accepts more.
void wait_for_room() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  ::poll(&output, 1, -1);
}

}  // namespace

StandardOutput::StandardOutput()
    : by_line_(::isatty(STDOUT_FILENO) == 1), before_(std::cout.rdbuf(this)) {
  std::cout.exceptions(std::ios::badbit);
}

StandardOutput::~StandardOutput() {
  std::cout.exceptions(std::ios::goodbit);
  std::cout.rdbuf(before_);
}

void StandardOutput::flush() {
  // Drops what cannot be written, so that the fault is reported once.
  const std::string text = std::exchange(held_, {});
  for (std::size_t done = 0; done < text.size();) {
    const auto count = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      wait_for_room();
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
}

void StandardOutput::add(const char* text, std::size_t size) {
  held_.append(text, size);
  const bool line_ends = by_line_ && std::memchr(text, '\n', size) != nullptr;
  if (line_ends || held_.size() >= most_held) flush();
}

StandardOutput::int_type StandardOutput::overflow(int_type character) {
  const char text = traits_type::to_char_type(character);
  if (!traits_type::eq_int_type(character, traits_type::eof())) add(&text, 1);
  return traits_type::not_eof(character);
}

std::streamsize StandardOutput::xsputn(const char* text, std::streamsize size) {
  add(text, static_cast<std::size_t>(size));
  return size;
}

int StandardOutput::sync() {
  flush();
  return 0;
}

void keep_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // open() takes the lowest free number, which is the missing one. Writing to an output that is
    // open for reading fails; messages to standard error may be lost.
    ::open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace aero::cli
