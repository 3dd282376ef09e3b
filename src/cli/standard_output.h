#pragma once

#include <streambuf>
#include <string>

namespace aero::cli {

/// Where std::cout writes while this lives: the process's standard output, without stdio between. A
/// write that fails throws Error through the `<<` at hand, so that no command goes on for a reader
/// who is not there, or ends well with half of its output. Where the reader of a pipe has left, the
/// process ends by SIGPIPE, without a word. On a terminal each line appears as it ends.
class StandardOutput : private std::streambuf {
 public:
  StandardOutput();
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  /// Writes what is held back. Throws Error.
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

/// Gives standard input, output and error a descriptor each where the caller closed them, so that
/// no file that is opened later is taken for one of them. Writing to such an output fails.
void keep_standard_descriptors();

}  // namespace aero::cli
