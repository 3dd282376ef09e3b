#pragma once

#include "aero/config/run_config.h"
#include "aero/jobs/run_state.h"
#include "aero/train/callback.h"
#include "aero/train/signal_watch.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aero::jobs {

/// One training run, in config.run.folder.
using Job = RunConfig;

enum class JobEnd {
  waiting,      ///< not started, because a signal came first
  finished,     ///< by this call or before it (JobResult::trained)
  nonfinite,    ///< by this call or before it
  failed,       ///< could not be trained; `message` says why
  interrupted,  ///< saved after a signal
  locked,       ///< another process trains it; `message` names it
};

struct JobResult {
  JobEnd end = JobEnd::waiting;
  bool trained = false;  ///< whether this call trained it
  RunState state;
  double seconds = 0;   ///< duration of the process, where this call trained it
  std::string message;  ///< why it failed, or who holds the lock
};

struct JobOptions {
  int jobs = 1;                                      ///< runs at a time
  std::filesystem::path program = "/proc/self/exe";  ///< the `aero` that trains
  train::SignalWatch* signals = nullptr;  ///< the watch to use; nullptr: run_jobs() makes one
  /// GPUs, by their names in CUDA_VISIBLE_DEVICES, over which to spread those jobs whose
  /// train.device names no GPU. Empty: the GPUs that this process sees.
  std::vector<std::string> gpus = {};
};

/// Functions to call when a run starts and ends, with its index in the list.
struct JobWatcher {
  std::function<void(std::size_t, const RunState& before)> started;
  std::function<void(std::size_t, const JobResult&)> ended;
};

struct JobResults {
  std::vector<JobResult> jobs;
  std::optional<train::Outcome> signal;  ///< interrupted, terminated or hangup, where a signal came
};

/// Trains each job in a process of its own, `aero train RUN/config.json --resume`, whose output
/// goes to RUN/console.txt. Runs `jobs` processes at a time in the order given, and skips finished
/// runs. With several at a time and train.threads 0, they share the processor's threads. A run that
/// fails does not stop the others.
///
/// This process and the child both hold a lock on RUN/lock, so that no run is trained twice at
/// once; a run that stays locked by another process is left out. At SIGINT, SIGTERM or SIGHUP, this
/// process tells the children to save and stop, and waits for them. Where it dies in another way,
/// the system kills the children. Another call continues each unfinished run.
JobResults run_jobs(const std::vector<Job>& jobs, const JobOptions& options,
                    const JobWatcher& watcher);

}  // namespace aero::jobs
