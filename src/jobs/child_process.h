#pragma once

#include "aero/core/file_lock.h"

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::jobs {

/// A program that was started, with the lock on what it works on. It is in a process group of its
/// own, so that a Ctrl-C in the terminal reaches it through this process alone, and is killed when
/// this process dies. The destructor ends it and waits.
class ChildProcess {
 public:
  /// Standard output and error go to `console`, input is empty. The child has this process's
  /// environment with `variables` ("NAME=value") in place of its own of these names. It holds the
  /// lock too, and learns its descriptor from AERO_LOCK_FD (FileLock::inherit).
  /// Throws Error where no process can be made; a program that cannot be run exits with 127.
  ChildProcess(const std::vector<std::string>& command, std::vector<std::string> variables,
               const std::filesystem::path& console, FileLock lock);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// SIGTERM: save and stop.
  void terminate() const;

  /// The status of waitpid() once it has ended, and nothing before.
  std::optional<int> poll();

 private:
  pid_t pid_ = -1;  ///< -1 once it has ended
  FileLock lock_;
};

/// "exit code 1", "ended by signal 9 (Killed)"
std::string status_text(int status);

}  // namespace aero::jobs
