#include "aero/jobs/job_runner.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/file_lock.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/dist/alone.h"
#include "aero/jobs/output_folder.h"
#include "aero/jobs/work_lock.h"

#include "child_process.h"
#include "gpu_slots.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <thread>

namespace aero::jobs {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(20);
constexpr std::size_t shown_lines = 5;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Returns the last lines of a run's console, below a line break.
std::string last_lines(const fs::path& file) {
  if (!fs::exists(file)) return "";
  std::string content = read_file(file);
  while (content.ends_with('\n')) content.pop_back();
  if (content.empty()) return "";
  std::size_t start = content.size();
  for (std::size_t lines = 0; lines < shown_lines && start != std::string::npos && start > 0;
       ++lines) {
    start = content.rfind('\n', start - 1);
  }
  return "\n" + (start == std::string::npos ? content : content.substr(start + 1));
}

std::int64_t threads_for(int jobs) {
  const auto all = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  return std::max<std::int64_t>(1, all / jobs);
}

class Runner {
 public:
  Runner(const std::vector<Job>& jobs, const JobOptions& options, const JobWatcher& watcher)
      : jobs_(jobs), options_(options), watcher_(watcher) {
    if (options.signals == nullptr) own_signals_.emplace();
    gpus_ = options.gpus.empty() ? visible_gpus() : options.gpus;
    results_.jobs.resize(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) waiting_.push_back({i, std::nullopt});
  }

  JobResults run() {
    while (!waiting_.empty() || !running_.empty()) {
      if (const auto signal = signals().pending(); signal && !results_.signal) {
        results_.signal = signal;
        waiting_.clear();
        for (const Running& job : running_) job.process.terminate();
      }
      start_some();
      reap();
      if (!waiting_.empty() || !running_.empty()) std::this_thread::sleep_for(poll_interval);
    }
    return std::move(results_);
  }

 private:
  struct Waiting {
    std::size_t index;
    std::optional<Clock::time_point> locked_since;
  };
  struct Running {
    std::size_t index;
    std::optional<std::size_t> gpu;  ///< index in gpus_, where the job was given a GPU
    Clock::time_point start;
    ChildProcess process;
  };

  train::SignalWatch& signals() { return own_signals_ ? *own_signals_ : *options_.signals; }

  fs::path folder(std::size_t index) const { return jobs_[index].run.folder; }

  /// Tries each waiting job at most once, while there is room.
  void start_some() {
    for (auto tries = waiting_.size(); tries > 0 && !waiting_.empty() && has_room(); --tries) {
      const Waiting job = waiting_.front();
      waiting_.pop_front();
      try {
        start(job);
      } catch (const std::exception& error) {
        fail(job.index, error.what());
      }
    }
  }

  bool has_room() const {
    return running_.size() < static_cast<std::size_t>(std::max(1, options_.jobs));
  }

  void start(const Waiting& job) {
    if (!job.locked_since) check_conflict(job.index);
    if (end_if_done(job.index)) return;
    make_folder(folder(job.index));
    auto lock = FileLock::attempt(folder(job.index) / "lock");
    if (!lock) {
      wait_for_lock(job);
      return;
    }
    // Until the lock was taken, another process may have trained this run, or begun another one
    // here.
    check_conflict(job.index);
    if (end_if_done(job.index)) return;
    launch(job.index, std::move(*lock));
  }

  void check_conflict(std::size_t index) const {
    const auto conflict = conflicts_of({jobs_[index]});
    if (!conflict.empty()) throw UsageError(conflict);
  }

  bool end_if_done(std::size_t index) {
    auto state = read_run_state(folder(index));
    if (state.end == RunEnd::unfinished) return false;
    const auto end = state.end == RunEnd::finished ? JobEnd::finished : JobEnd::nonfinite;
    finish(index, {.end = end, .state = std::move(state), .message = ""});
    return true;
  }

  void wait_for_lock(const Waiting& job) {
    const auto since = job.locked_since.value_or(Clock::now());
    if (Clock::now() - since < lock_patience) {
      waiting_.push_back({job.index, since});
    } else {
      finish(job.index, {.end = JobEnd::locked,
                         .state = read_run_state(folder(job.index)),
                         .message = holder_of(folder(job.index) / "lock")});
    }
  }

  void launch(std::size_t index, FileLock lock) {
    RunConfig config = jobs_[index];
    if (options_.jobs > 1 && config.train.threads == 0) {
      config.train.threads = threads_for(options_.jobs);
    }
    const auto before = read_run_state(folder(index));
    const auto config_file = checkpoint::RunFolder(folder(index)).config_file();
    write_file(config_file, to_json(config));
    auto variables = dist::variables_of_a_process_alone();
    std::optional<std::size_t> gpu;
    const auto& device = config.train.device;
    if (gpus_.size() > 1 && (device == "auto" || device == "cuda")) {
      std::vector<std::size_t> taken;
      for (const Running& job : running_) {
        if (job.gpu) taken.push_back(*job.gpu);
      }
      gpu = freest_gpu(gpus_.size(), taken);
      variables.push_back("CUDA_VISIBLE_DEVICES=" + gpus_[*gpu]);
    }
    running_.push_back(
        {index, gpu, Clock::now(),
         ChildProcess({options_.program.string(), "train", config_file.string(), "--resume", "-q"},
                      std::move(variables), folder(index) / "console.txt", std::move(lock))});
    if (watcher_.started) watcher_.started(index, before);
  }

  void reap() {
    for (auto job = running_.begin(); job != running_.end();) {
      const auto status = job->process.poll();
      if (!status) {
        ++job;
        continue;
      }
      const std::size_t index = job->index;
      const double seconds = seconds_since(job->start);
      job = running_.erase(job);
      try {
        finish(index, result_of(index, *status, seconds));
      } catch (const Error& error) {
        fail(index, error.what());
      }
    }
  }

  JobResult result_of(std::size_t index, int status, double seconds) const {
    JobResult result{
        .trained = true, .state = read_run_state(folder(index)), .seconds = seconds, .message = ""};
    if (result.state.end == RunEnd::nonfinite) {
      result.end = JobEnd::nonfinite;
    } else if (status == 0 && result.state.end == RunEnd::finished) {
      result.end = JobEnd::finished;
    } else if (results_.signal) {
      result.end = JobEnd::interrupted;
    } else {
      result.end = JobEnd::failed;
      const auto& lost = result.state.lost;
      result.message = fmt::format("{}{}{}", status_text(status),
                                   lost.empty() ? "" : "; its last state is not whole: " + lost,
                                   last_lines(folder(index) / "console.txt"));
    }
    return result;
  }

  void fail(std::size_t index, const std::string& message) {
    finish(index, {.end = JobEnd::failed, .state = {}, .message = message});
  }

  void finish(std::size_t index, JobResult result) {
    results_.jobs[index] = std::move(result);
    if (watcher_.ended) watcher_.ended(index, results_.jobs[index]);
  }

  const std::vector<Job>& jobs_;
  const JobOptions& options_;
  const JobWatcher& watcher_;
  std::optional<train::SignalWatch> own_signals_;
  std::deque<Waiting> waiting_;
  std::list<Running> running_;
  std::vector<std::string> gpus_;
  JobResults results_;
};

}  // namespace

JobResults run_jobs(const std::vector<Job>& jobs, const JobOptions& options,
                    const JobWatcher& watcher) {
  return Runner(jobs, options, watcher).run();
}

}  // namespace aero::jobs
