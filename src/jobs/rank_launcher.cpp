#include "aero/jobs/rank_launcher.h"

#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/dist/communicator.h"
#include "aero/dist/launch.h"
#include "aero/jobs/progress.h"
#include "aero/train/signal_watch.h"

#include "child_process.h"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>

namespace aero::jobs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(10);
/// The ranks notice by themselves that one is gone, and rank 0 may save a checkpoint then.
constexpr auto grace = std::chrono::seconds(60);

int signal_of(train::Outcome outcome) {
  switch (outcome) {
    case train::Outcome::interrupted:
      return SIGINT;
    case train::Outcome::hangup:
      return SIGHUP;
    default:
      return SIGTERM;
  }
}

ExitCode exit_code_of_status(int status) {
  return static_cast<ExitCode>(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/// The variables of one rank, as torchrun sets them.
std::vector<std::string> variables_of(int rank, int ranks, int port) {
  std::vector<std::string> variables{
      fmt::format("RANK={}", rank),        fmt::format("WORLD_SIZE={}", ranks),
      fmt::format("LOCAL_RANK={}", rank),  "MASTER_ADDR=127.0.0.1",
      fmt::format("MASTER_PORT={}", port), "TORCHELASTIC_USE_AGENT_STORE=True",
      "TORCHELASTIC_RESTART_COUNT=0"};
  if (!dist::environment_variable("OMP_NUM_THREADS")) {
    const auto threads = std::thread::hardware_concurrency() / static_cast<unsigned>(ranks);
    variables.push_back(fmt::format("OMP_NUM_THREADS={}", std::max(1U, threads)));
  }
  return variables;
}

class Ranks {
 public:
  Ranks(int ranks, const std::vector<std::string>& arguments,
        const std::filesystem::path& program) {
    std::vector<std::string> command{program.string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    for (int rank = 0; rank < ranks; ++rank) {
      processes_.emplace_back(command, variables_of(rank, ranks, store_.port()));
    }
    running_ = processes_.size();
  }

  ExitCode wait() {
    while (running_ > 0) {
      pass_signal_on();
      reap();
      end_those_left();
      if (running_ > 0) std::this_thread::sleep_for(poll_interval);
    }
    return first_fault_.value_or(ExitCode::success);
  }

 private:
  void pass_signal_on() {
    const auto signal = signals_.pending();
    if (!signal || std::exchange(is_signalled_, true)) return;
    for (const auto& process : processes_) process.send(signal_of(*signal));
  }

  void reap() {
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      const auto status = processes_[rank].poll();
      if (!status) continue;
      --running_;
      if (*status == 0 || first_fault_) continue;
      first_fault_ = exit_code_of_status(*status);
      end_ = Clock::now() + grace;
      if (!is_signalled_)
        log::error(fmt::format("rank {} failed first: {}", rank, status_text(*status)));
    }
  }

  /// Ends ranks that go on long after another has failed.
  void end_those_left() {
    if (!end_ || is_signalled_ || Clock::now() < *end_) return;
    for (const auto& process : processes_) process.send(SIGKILL);
  }

  train::SignalWatch signals_;
  dist::StoreServer store_;
  std::vector<ChildProcess> processes_;
  std::size_t running_ = 0;
  bool is_signalled_ = false;
  std::optional<ExitCode> first_fault_;
  std::optional<Clock::time_point> end_;
};

}  // namespace

ExitCode run_ranks(int ranks, const std::vector<std::string>& arguments,
                   const std::filesystem::path& program) {
  return Ranks(ranks, arguments, program).wait();
}

}  // namespace aero::jobs
