#include "aero/pipeline/ablate.h"

#include "aero/config/notation.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/jobs/progress.h"
#include "aero/jobs/training_fault.h"
#include "aero/jobs/work_lock.h"
#include "aero/pipeline/sweep.h"
#include "aero/pipeline/sweep_table.h"
#include "aero/report/fit.h"
#include "aero/report/format.h"
#include "aero/report/table.h"

#include "numbers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <set>
#include <string_view>

namespace aero::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

/// One run of the sweep.
struct Run {
  const Member* member;
  std::int64_t seed;
};

/// Orders the runs by seed first, so that early tables compare all members.
std::vector<Run> runs_of(const Sweep& sweep, const Shard& shard) {
  std::vector<Run> runs;
  for (const std::int64_t seed : sweep.seeds) {
    for (std::size_t i = shard.index; i < sweep.members.size(); i += shard.count) {
      runs.push_back({&sweep.members[i], seed});
    }
  }
  return runs;
}

void check_conflicts(const Sweep& sweep) {
  std::vector<RunConfig> configs;
  for (const auto& [member, seed] : runs_of(sweep, {})) {
    configs.push_back(run_config(sweep, *member, seed));
  }
  const auto conflicts = jobs::conflicts_of(configs);
  if (!conflicts.empty()) throw UsageError(conflicts);
}

/// Reports every member that cannot be trained before the first run starts.
void check_trainable(const Sweep& sweep, const std::vector<Run>& runs) {
  std::string faults;
  std::set<const Member*> checked;
  for (const auto& [member, seed] : runs) {
    const auto config = run_config(sweep, *member, seed);
    if (jobs::read_run_state(config.run.folder).end != jobs::RunEnd::unfinished) continue;
    if (!checked.insert(member).second) continue;
    const auto fault = jobs::training_fault(config);
    if (fault.empty()) continue;
    faults += fmt::format("{}{}: runs: \"{}\": {}", faults.empty() ? "" : "\n", sweep.file.string(),
                          member->name, fault);
  }
  if (!faults.empty()) throw UsageError(faults);
}

std::string state_text(const jobs::RunState& state) {
  switch (state.end) {
    case jobs::RunEnd::finished:
      return "finished, perplexity " + perplexity_text(state);
    case jobs::RunEnd::nonfinite:
      return state.nonfinite ? "not finite: " + describe(*state.nonfinite) : "not finite";
    case jobs::RunEnd::unfinished:
      break;
  }
  if (state.steps == 0) return "not begun";
  const auto saved = state.saved_step ? std::to_string(*state.saved_step) : "none";
  return fmt::format("unfinished, step {}, last saved {}", state.steps, saved);
}

std::string list_text(const Sweep& sweep, const std::vector<Run>& runs) {
  report::Table table({{"member"}, {"architecture"}, {"seed"}, {"state"}, {"folder"}});
  for (const auto& [member, seed] : runs) {
    const auto folder = run_config(sweep, *member, seed).run.folder;
    table.add_row({member->name, architecture_name(member->config.model), std::to_string(seed),
                   state_text(jobs::read_run_state(folder)), folder});
  }
  return table.to_markdown();
}

/// Logs the start and the end of each run, and writes the tables after it.
class Progress {
 public:
  Progress(const Sweep& sweep, const std::vector<Run>& runs) : sweep_(sweep), runs_(runs) {}

  void started(std::size_t index, const jobs::RunState& before) const {
    log::info(label(index) + jobs::start_text(before));
  }

  void ended(std::size_t index, const jobs::JobResult& result) {
    ++ended_;
    if (result.trained) ++trained_;
    const auto text = label(index) + end_text(index, result) + time_text(result);
    jobs::log_end(result, text, [this] { return write_tables(sweep_).faults; });
  }

 private:
  /// "[3/45] SM+LN+G seed 2: "
  std::string label(std::size_t index) const {
    return fmt::format("[{}/{}] {} seed {}: ", index + 1, runs_.size(), runs_[index].member->name,
                       runs_[index].seed);
  }

  std::string end_text(std::size_t index, const jobs::JobResult& result) const {
    const auto& state = result.state;
    switch (result.end) {
      case jobs::JobEnd::finished:
        return fmt::format("{}, perplexity {}", result.trained ? "done" : "was done",
                           perplexity_text(state));
      case jobs::JobEnd::nonfinite:
        return state_text(state);
      case jobs::JobEnd::interrupted:
        return fmt::format("interrupted at step {}; the same command continues it", state.steps);
      case jobs::JobEnd::locked: {
        const auto config = run_config(sweep_, *runs_[index].member, runs_[index].seed);
        return fmt::format("left out, {} trains in {}", result.message, config.run.folder);
      }
      case jobs::JobEnd::failed:
        return "failed: " + result.message;
      case jobs::JobEnd::waiting:
        break;
    }
    return "";
  }

  /// ", 3 min 20 s, ETA 1 h 05 min"
  std::string time_text(const jobs::JobResult& result) const {
    if (result.end != jobs::JobEnd::finished && result.end != jobs::JobEnd::nonfinite) return "";
    if (!result.trained) return "";
    const auto text = ", " + report::seconds_text(result.seconds);
    if (ended_ == runs_.size()) return text;
    const std::chrono::duration<double> elapsed = Clock::now() - start_;
    const auto left = static_cast<double>(runs_.size() - ended_);
    return fmt::format(
        "{}, ETA {}", text,
        report::seconds_text(elapsed.count() / static_cast<double>(trained_) * left));
  }

  const Sweep& sweep_;
  const std::vector<Run>& runs_;
  Clock::time_point start_ = Clock::now();
  std::size_t ended_ = 0;
  std::size_t trained_ = 0;
};

jobs::JobResults train_runs(const Sweep& sweep, const std::vector<Run>& runs,
                            const jobs::JobOptions& options) {
  std::vector<jobs::Job> jobs;
  jobs.reserve(runs.size());
  for (const auto& [member, seed] : runs) jobs.push_back(run_config(sweep, *member, seed));
  Progress progress(sweep, runs);
  return jobs::run_jobs(
      jobs, options,
      {.started = [&](std::size_t index,
                      const jobs::RunState& before) { progress.started(index, before); },
       .ended = [&](std::size_t index,
                    const jobs::JobResult& result) { progress.ended(index, result); }});
}

/// The name of a shard's lock: shards of one sweep may train side by side. No file or folder that a
/// sweep writes has such a name.
std::string lock_name(const Sweep& sweep, const Shard& shard) {
  return fmt::format(".lock.{}.{}-of-{}", sweep.name, shard.index + 1, shard.count);
}

ExitCode code_of(const jobs::JobResults& results) {
  if (results.signal) return jobs::exit_code_of(*results.signal);
  const bool failed = std::ranges::any_of(results.jobs, [](const jobs::JobResult& job) {
    return job.end == jobs::JobEnd::failed || job.end == jobs::JobEnd::locked;
  });
  return failed ? ExitCode::failure : ExitCode::success;
}

}  // namespace

Shard parse_shard(const std::string& text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, shard.index);
  const bool has_slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = std::from_chars(has_slash ? index.ptr + 1 : end, end, shard.count);
  if (count.ec != std::errc() || count.ptr != end || shard.index < 1 || shard.index > shard.count) {
    throw UsageError(fmt::format(
        "--shard: {}: expected i/n with i from 1 to n, as 2/5 for the second of five", text));
  }
  --shard.index;
  return shard;
}

ExitCode ablate(const AblateOptions& options, std::ostream& out) {
  const Sweep sweep = load_sweep(options.sweep, options.cost);
  check_conflicts(sweep);
  const auto runs = runs_of(sweep, options.shard);
  if (options.mode == AblateMode::list) {
    out << report::fit_tables(list_text(sweep, runs), options.columns);
    return ExitCode::success;
  }
  ExitCode code = ExitCode::success;
  if (options.mode == AblateMode::train) {
    check_trainable(sweep, runs);
    const auto lock = jobs::lock_work(sweep.folder, lock_name(sweep, options.shard));
    code = code_of(train_runs(sweep, runs, options.jobs));
  }
  auto written = write_tables(sweep);
  sort_by(options.rank, written.result.members);
  out << (options.latex ? to_latex(written.result)
                        : report::fit_tables(to_markdown(written.result), options.columns));
  for (const auto& fault : written.faults) log::error(fault);
  return written.faults.empty() || code != ExitCode::success ? code : ExitCode::failure;
}

}  // namespace aero::pipeline
