#include "aero/pipeline/four_steps.h"

#include "aero/core/file_lock.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/pipeline/four_steps_replay.h"
#include "aero/report/format.h"

#include "four_steps_baseline.h"
#include "numbers.h"
#include "progress.h"
#include <algorithm>
#include <ostream>

namespace aero::pipeline {
namespace {

/// Writes where the pipeline stands, one process at a time, and returns it.
Replay write_tables(const FourSteps& plan) {
  std::filesystem::create_directories(plan.folder);
  const auto lock = FileLock::wait(plan.folder / ".pipeline.lock");
  auto now = replay(plan);
  write_file(plan.folder / "pipeline.md", to_markdown(plan, now));
  write_file(plan.folder / "pipeline.json", to_json(plan, now));
  return now;
}

/// Tells of each run of a step as it starts and ends, and keeps the tables up to date.
class Progress {
 public:
  Progress(const FourSteps& plan, const Replay& now) : plan_(plan), now_(now) {}

  void started(std::size_t index, const RunState& before) const {
    log::info(label(index) +
              (before.steps == 0 ? "starts"
                                 : "goes on, it had come to step " + std::to_string(before.steps)));
  }

  void ended(std::size_t index, const JobResult& result) const {
    const auto text = label(index) + end_text(result);
    tell_end(result, text, [this] { write_tables(plan_); });
  }

 private:
  /// "step 2, SM+ScFFN seed 1 [3/8]: "
  std::string label(std::size_t index) const {
    return "step " + std::to_string(now_.steps.back().number) + ", " + now_.names[index] + " [" +
           std::to_string(index + 1) + "/" + std::to_string(now_.next.size()) + "]: ";
  }

  static std::string end_text(const JobResult& result) {
    const auto& state = result.state;
    switch (result.end) {
      case JobEnd::finished:
        return "done, perplexity " + perplexity_text(state.perplexity()) +
               (result.trained ? ", " + report::seconds_text(result.seconds) : "");
      case JobEnd::nonfinite:
        return "not finite" + (state.nonfinite ? ": " + describe(*state.nonfinite) : "");
      case JobEnd::interrupted:
        return "interrupted at step " + std::to_string(state.steps) + "; the same command goes on";
      case JobEnd::locked:
        return "left out, another process trains it; call again when that has ended";
      case JobEnd::failed:
        return "failed: " + result.message;
      case JobEnd::waiting:
        break;
    }
    return "";
  }

  const FourSteps& plan_;
  const Replay& now_;
};

ExitCode code_of(train::Outcome signal) {
  return signal == train::Outcome::interrupted ? ExitCode::interrupted : ExitCode::terminated;
}

/// Trains what the open step lacks. success where it can be decided then.
ExitCode train_next(const FourSteps& plan, const Replay& now, const JobOptions& options) {
  const Progress progress(plan, now);
  const auto results =
      run_jobs(now.next, options,
               {.started = [&](std::size_t index,
                               const RunState& before) { progress.started(index, before); },
                .ended = [&](std::size_t index,
                             const JobResult& result) { progress.ended(index, result); }});
  if (results.signal) return code_of(*results.signal);
  const bool all_ended = std::ranges::all_of(results.jobs, [](const JobResult& job) {
    return job.end == JobEnd::finished || job.end == JobEnd::nonfinite;
  });
  return all_ended ? ExitCode::success : ExitCode::failure;
}

ExitCode advance(const FourSteps& plan, const Replay& now, const JobOptions& options) {
  if (!now.needs_evaluation) return train_next(plan, now, options);
  const auto signal = evaluate_baseline(plan);
  return signal ? code_of(*signal) : ExitCode::success;
}

/// Logs the decisions from the `told`-th on; returns how many there are.
std::size_t tell_decisions(const Replay& now, std::size_t told) {
  for (; told < now.steps.size() && now.steps[told].kept; ++told) {
    const auto& step = now.steps[told];
    log::info("step " + std::to_string(step.number) + ", " + step.title + ": kept " +
              step.candidates[*step.kept].name + ". " + step.decision);
  }
  return told;
}

}  // namespace

ExitCode four_steps(const FourStepsOptions& options, std::ostream& out) {
  const FourSteps plan = load_four_steps(options.file, options.overrides, options.cost);
  if (options.list) {
    out << to_markdown(plan, replay(plan));
    return ExitCode::success;
  }
  auto code = ExitCode::success;
  auto now = write_tables(plan);
  auto told = tell_decisions(now, 0);
  while (code == ExitCode::success && now.fault.empty() && !now.done()) {
    code = advance(plan, now, options.jobs);
    now = write_tables(plan);
    told = tell_decisions(now, told);
  }
  out << to_markdown(plan, now) << std::flush;
  if (!now.fault.empty())
    throw Error(now.fault + "; see " + (plan.folder / "pipeline.md").string());
  return code;
}

}  // namespace aero::pipeline
