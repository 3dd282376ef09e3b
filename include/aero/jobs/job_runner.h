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
  waiting,      ///< not started, for a signal came before
  finished,     ///< now or before: JobResult::trained tells
  nonfinite,    ///< now or before
  failed,       ///< could not be trained; `message` says why
  interrupted,  ///< saved after a signal
  locked,       ///< another process trains it; `message` names it
};

struct JobResult {
  JobEnd end = JobEnd::waiting;
  bool trained = false;  ///< by this call
  RunState state;
  double seconds = 0;   ///< of the process, when trained
  std::string message;  ///< why it failed, or who holds the lock
};

struct JobOptions {
  int jobs = 1;                                      ///< runs at a time
  std::filesystem::path program = "/proc/self/exe";  ///< the `aero` that trains
  train::SignalWatch* signals = nullptr;  ///< asked in place of one that lives as long as the call
  /// Names for CUDA_VISIBLE_DEVICES of the GPUs over which jobs are spread whose train.device names
  /// none; empty: those that this process sees.
  std::vector<std::string> gpus = {};
};

/// Told of runs by their index in the list.
struct JobWatcher {
  std::function<void(std::size_t, const RunState& before)> started;
  std::function<void(std::size_t, const JobResult&)> ended;
};

struct JobResults {
  std::vector<JobResult> jobs;
  std::optional<train::Outcome> signal;  ///< interrupted or terminated, where a signal came
};

/// Trains each job in a process of its own, `jobs` at a time and in the order given, and skips what
/// is finished: `aero train RUN/config.json --resume`, its output in RUN/console.txt. With several
/// at a time and train.threads 0, the processor's threads are shared out among them. One that fails
/// stops no other. A lock on RUN/lock, held by this process and by the child, keeps a run from
/// being trained twice at once; a run that stays locked is left out. At SIGINT, SIGTERM or SIGHUP
/// the children are told to save and stop, and are waited for; when this process dies in another
/// way, they die with it. Each run that is left unfinished can be continued by another call.
JobResults run_jobs(const std::vector<Job>& jobs, const JobOptions& options,
                    const JobWatcher& watcher);

}  // namespace aero::jobs
