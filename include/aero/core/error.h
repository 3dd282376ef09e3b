#pragma once

#include <stdexcept>
#include <string>

namespace aero {

/// What a process returns to its shell.
enum class ExitCode : int {
  success = 0,
  failure = 1,        ///< the work could not be done
  usage = 2,          ///< bad command line or config: nothing was started
  hangup = 129,       ///< stopped by SIGHUP after saving: its terminal was closed
  interrupted = 130,  ///< stopped by SIGINT after saving
  terminated = 143,   ///< stopped by SIGTERM after saving
};

/// A fault that a user can act on. The program shows the message as it is: it names the file, the
/// key and the value, and says what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::failure)
      : std::runtime_error(message), code_(code) {}

  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// A fault of the command line or of a config file: exit code 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message, ExitCode::usage) {}
};

}  // namespace aero
