#include "aero/pipeline/four_steps.h"

#include "aero/config/faults.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/jobs/progress.h"
#include "aero/jobs/training_fault.h"
#include "aero/jobs/work_lock.h"
#include "aero/pipeline/four_steps_file.h"
#include "aero/pipeline/four_steps_replay.h"
#include "aero/pipeline/sweep_statistics.h"
#include "aero/report/fit.h"
#include "aero/report/format.h"

#include "four_steps_baseline.h"
#include "four_steps_paths.h"
#include "numbers.h"
#include "output.h"

#include <algorithm>
#include <iterator>
#include <ostream>

namespace aero::pipeline {
namespace {

struct Written {
  Replay now;
  std::string shown;                ///< the tables to print
  std::vector<std::string> faults;  ///< why files could not be written
};

/// Reads where the pipeline stands and writes its tables, one process at a time.
Written write_tables(const FourSteps& plan) {
  Written written;
  const auto lock = wait_for_tables(plan.folder, "pipeline", written.faults);
  written.now = replay(plan);
  written.shown = to_markdown(plan, written.now);
  std::vector<OutputFile> files{{plan.folder / "pipeline.md", written.shown},
                                {plan.folder / "pipeline.json", to_json(plan, written.now)}};
  if (plan.pricings.asked) {
    Replay other = written.now;
    charge(other, *plan.pricings.asked);
    written.shown = to_markdown(plan, other);
    const auto name = table_name("pipeline", plan.pricings);
    files.push_back({plan.folder / (name + ".md"), written.shown});
    files.push_back({plan.folder / (name + ".json"), to_json(plan, other)});
  }
  if (!plan.evaluated.empty()) files.push_back({baseline_file(plan), plan.evaluated});
  std::ranges::move(write_all(files), std::back_inserter(written.faults));
  return written;
}

/// Logs the start and the end of each run of a step, and writes the tables after it.
class Progress {
 public:
  Progress(const FourSteps& plan, const Replay& now) : plan_(plan), now_(now) {}

  void started(std::size_t index, const jobs::RunState& before) const {
    log::info(label(index) + jobs::start_text(before));
  }

  void ended(std::size_t index, const jobs::JobResult& result) const {
    const auto text = label(index) + end_text(result);
    jobs::log_end(result, text, [this] { return write_tables(plan_).faults; });
  }

 private:
  /// "step 2, SM+ScFFN seed 1 [3/8]: "
  std::string label(std::size_t index) const {
    return fmt::format("step {}, {} [{}/{}]: ", now_.steps.back().number, now_.names[index],
                       index + 1, now_.next.size());
  }

  static std::string end_text(const jobs::JobResult& result) {
    const auto& state = result.state;
    switch (result.end) {
      case jobs::JobEnd::finished:
        return fmt::format("done, perplexity {}{}", perplexity_text(state),
                           result.trained ? ", " + report::seconds_text(result.seconds) : "");
      case jobs::JobEnd::nonfinite:
        return "not finite" + (state.nonfinite ? ": " + describe(*state.nonfinite) : "");
      case jobs::JobEnd::interrupted:
        return fmt::format("interrupted at step {}; the same command continues it", state.steps);
      case jobs::JobEnd::locked:
        return fmt::format("left out, {} trains it; repeat the command when that process has ended",
                           result.message);
      case jobs::JobEnd::failed:
        return "failed: " + result.message;
      case jobs::JobEnd::waiting:
        break;
    }
    return "";
  }

  const FourSteps& plan_;
  const Replay& now_;
};

/// Trains the missing runs of the open step. Returns success where it can be decided after that.
ExitCode train_next(const FourSteps& plan, const Replay& now, const jobs::JobOptions& options) {
  const Progress progress(plan, now);
  const auto results = jobs::run_jobs(
      now.next, options,
      {.started = [&](std::size_t index,
                      const jobs::RunState& before) { progress.started(index, before); },
       .ended = [&](std::size_t index,
                    const jobs::JobResult& result) { progress.ended(index, result); }});
  if (results.signal) return jobs::exit_code_of(*results.signal);
  const bool all_ended = std::ranges::all_of(results.jobs, [](const jobs::JobResult& job) {
    return job.end == jobs::JobEnd::finished || job.end == jobs::JobEnd::nonfinite;
  });
  return all_ended ? ExitCode::success : ExitCode::failure;
}

ExitCode advance(FourSteps& plan, const Replay& now, const jobs::JobOptions& options) {
  if (!now.needs_evaluation) return train_next(plan, now, options);
  const auto signal = evaluate_baseline(plan, *options.signals);
  return signal ? jobs::exit_code_of(*signal) : ExitCode::success;
}

/// Reports every candidate that cannot be trained before the first run starts.
void check_trainable(const FourSteps& plan, const Replay& now) {
  if (now.next.empty()) return;
  Faults faults;
  for (const auto& line : path_faults(plan, jobs::training_fault)) {
    faults.add_unreadable(plan.file.string(), line);
  }
  faults.throw_if_any();
}

/// Logs the decisions after the first `logged` ones, and returns how many there are.
std::size_t log_decisions(const Replay& now, std::size_t logged) {
  for (; logged < now.steps.size() && now.steps[logged].kept; ++logged) {
    const auto& step = now.steps[logged];
    log::info(fmt::format("step {}, {}: kept {}. {}", step.number, step.title,
                          step.candidates[*step.kept].name, step.decision));
  }
  return logged;
}

}  // namespace

ExitCode four_steps(const FourStepsOptions& options, std::ostream& out) {
  FourSteps plan = load_four_steps(options.file, options.overrides, options.cost);
  if (options.list) {
    auto now = replay(plan);
    if (plan.pricings.asked) charge(now, *plan.pricings.asked);
    out << report::fit_tables(to_markdown(plan, now), options.columns);
    return ExitCode::success;
  }
  check_trainable(plan, replay(plan));
  train::SignalWatch signals;  // also watches while decisions are taken and written
  jobs::JobOptions jobs = options.jobs;
  jobs.signals = &signals;
  const auto lock = jobs::lock_work(plan.folder, "lock");
  auto code = ExitCode::success;
  auto written = write_tables(plan);
  auto logged = log_decisions(written.now, 0);
  while (code == ExitCode::success && written.now.fault.empty() && !written.now.done()) {
    const auto signal = signals.pending();
    code = signal ? jobs::exit_code_of(*signal) : advance(plan, written.now, jobs);
    written = write_tables(plan);
    logged = log_decisions(written.now, logged);
  }
  out << report::fit_tables(written.shown, options.columns) << std::flush;
  for (const auto& fault : written.faults) log::error(fault);
  if (!written.now.fault.empty()) {
    throw Error(
        fmt::format("{}; see {}", written.now.fault, (plan.folder / "pipeline.md").string()));
  }
  return written.faults.empty() || code != ExitCode::success ? code : ExitCode::failure;
}

}  // namespace aero::pipeline
