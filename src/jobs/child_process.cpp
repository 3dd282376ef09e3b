#include "child_process.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

namespace aero::jobs {
namespace {

constexpr std::array signals_caught{SIGINT, SIGTERM, SIGHUP};
constexpr int own_output = -1;
constexpr int no_lock = -1;

/// Blocks these signals while it lives. A signal between fork and exec then ends the child; without
/// this, the child's copy of a handler would note the signal, and exec would discard the note.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : signals_caught) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, &previous_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t previous_;
};

/// Runs between fork and exec, so it makes only calls that POSIX allows there.
[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<char*>& environment,
                         int console, int lock, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  for (const int signal : signals_caught) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) std::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (lock != no_lock) ::fcntl(lock, F_SETFD, 0);
  if (const int input = ::open("/dev/null", O_RDONLY); input >= 0) ::dup2(input, STDIN_FILENO);
  if (console != own_output) {
    ::dup2(console, STDOUT_FILENO);
    ::dup2(console, STDERR_FILENO);
  }
  ::execve(arguments.front(), arguments.data(), environment.data());
  constexpr std::string_view message = "the program could not be started\n";
  if (::write(STDERR_FILENO, message.data(), message.size()) < 0) ::_exit(126);
  ::_exit(127);
}

/// Makes the array of pointers into `words` that exec takes.
std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Returns this process's environment, in which `variables` replace those of the same names.
std::vector<std::string> environment_with(std::vector<std::string> variables) {
  const std::vector<std::string> names = [&] {
    std::vector<std::string> result;
    for (const auto& variable : variables) {
      result.push_back(variable.substr(0, variable.find('=') + 1));
    }
    return result;
  }();
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const bool is_replaced =
        std::ranges::any_of(names, [&](const auto& name) { return text.starts_with(name); });
    if (!is_replaced) variables.emplace_back(text);
  }
  return variables;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command,
                           std::vector<std::string> variables, const std::filesystem::path& console,
                           FileLock lock)
    : lock_(std::move(lock)) {
  variables.push_back("AERO_LOCK_FD=" + std::to_string(lock_->descriptor()));
  const int output = ::open(console.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (output < 0) {
    throw Error(fmt::format("cannot write '{}': {}", console.string(), std::strerror(errno)));
  }
  start(command, std::move(variables), output);
}

ChildProcess::ChildProcess(const std::vector<std::string>& command,
                           std::vector<std::string> variables) {
  start(command, std::move(variables), own_output);
}

/// Closes `console` here.
void ChildProcess::start(const std::vector<std::string>& command,
                         std::vector<std::string> variables, int console) {
  const auto all_variables = environment_with(std::move(variables));
  const auto arguments = pointers(command);
  const auto environment = pointers(all_variables);
  const pid_t parent = ::getpid();
  const int lock = lock_ ? lock_->descriptor() : no_lock;
  const SignalsHeld held;
  pid_ = ::fork();
  const int code = errno;
  if (pid_ == 0) become(arguments, environment, console, lock, parent);
  if (console != own_output) ::close(console);
  if (pid_ < 0) throw Error(fmt::format("cannot start a process: {}", std::strerror(code)));
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  terminate();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), lock_(std::move(other.lock_)) {}

void ChildProcess::terminate() const {
  send(SIGTERM);
}

void ChildProcess::send(int signal) const {
  if (pid_ >= 0) ::kill(pid_, signal);
}

std::optional<int> ChildProcess::poll() {
  int status = 0;
  if (pid_ < 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return status;
}

std::string status_text(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("ended by signal {} ({})", signal, ::strsignal(signal));
  }
  return "ended with status " + std::to_string(status);
}

}  // namespace aero::jobs
