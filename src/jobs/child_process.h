#pragma once

#include "aero/core/file_lock.h"

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::jobs {

/// A running program, perhaps with the lock on the folder it works in. It has a process group of its
/// own, so that a Ctrl-C in the terminal reaches it only through this process. The system kills it
/// when this process dies. The destructor ends it and waits.
class ChildProcess {
 public:
  /// Starts `command`. Its standard output and error go to `console`, and its standard input is
  /// empty. It has this process's environment, in which `variables` ("NAME=value") replace those of
  /// the same names. It holds the lock too, and finds the descriptor in AERO_LOCK_FD
  /// (FileLock::inherit). Throws Error where no process can be made; a program that cannot be run
  /// exits with 127.
  ChildProcess(const std::vector<std::string>& command, std::vector<std::string> variables,
               const std::filesystem::path& console, FileLock lock);
  /// Does the same without a lock. Its output goes where this process's goes.
  ChildProcess(const std::vector<std::string>& command, std::vector<std::string> variables);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Sends SIGTERM, at which the program saves and stops.
  void terminate() const;
  /// Sends another signal.
  void send(int signal) const;

  /// Returns the status of waitpid() once the program has ended, and nothing before.
  std::optional<int> poll();

 private:
  void start(const std::vector<std::string>& command, std::vector<std::string> variables,
             int console);

  pid_t pid_ = -1;  ///< -1 after its end
  std::optional<FileLock> lock_;
};

/// "exit code 1", "ended by signal 9 (Killed)"
std::string status_text(int status);

}  // namespace aero::jobs
