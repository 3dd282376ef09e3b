#pragma once

#include <streambuf>
#include <string>

namespace aero::cli {

/// Makes std::cout write to the process's standard output directly, without stdio, while this
/// object lives. A write that fails throws Error from the `<<` that caused it, so that no command
/// works on for a reader who is gone, or succeeds with half of its output. Where the reader of a
/// pipe has left, the process ends by SIGPIPE, silently. On a terminal, each line appears as it
/// ends.
class StandardOutput : private std::streambuf {
 public:
  StandardOutput();
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  /// Writes the buffered text. Throws Error.
  void flush();

 private:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

  void add(const char* text, std::size_t size);

  std::string held_;
  const bool by_line_;
  std::streambuf* const before_;
};

/// Opens /dev/null for standard input, output or error where the caller closed it, so that no file
/// that is opened later takes its number. Writing to such a standard output fails.
void keep_standard_descriptors();

}  // namespace aero::cli
