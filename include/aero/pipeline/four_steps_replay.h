#pragma once

#include "aero/jobs/job_runner.h"
#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/member_result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// A step with all its candidates.
struct StepResult {
  int number = 0;                        ///< 0: the baseline
  std::string title;                     ///< "LayerNorm removed"
  std::vector<MemberResult> candidates;  ///< their changes are relative to the baseline
  std::optional<std::size_t> kept;       ///< index of the candidate that the next step builds on
  std::string decision;                  ///< the reason with its numbers; empty: not decided yet
};

/// Where a pipeline stands.
struct Replay {
  std::vector<StepResult> steps;   ///< up to the first undecided step
  std::vector<jobs::Job> next;     ///< unfinished runs that this step waits for
  std::vector<std::string> names;  ///< of `next`: "SM+R seed 1"
  bool needs_evaluation = false;   ///< whether the loaded baseline has yet to be evaluated
  std::string fault;               ///< why the pipeline cannot continue: no candidate stayed finite

  bool done() const { return next.empty() && !needs_evaluation && fault.empty(); }
};

/// Takes every decision anew from the run folders as they are. A candidate can be kept where all
/// its runs finished with a finite perplexity. The candidate with the lowest mean over the seeds
/// wins, and the first one among equals. Where the plan names a cost model, the candidate with the
/// fewest bytes wins among those that are level with the lowest (paired.h). Throws UsageError where
/// a folder holds a run of other settings.
Replay replay(const FourSteps& plan);

/// Charges all candidates by `pricing`, and keeps the decisions.
void charge(Replay& replay, const Pricing& pricing);

/// Writes the decisions with their tables, and a summary, for people.
std::string to_markdown(const FourSteps& plan, const Replay& replay);

/// Writes the same unrounded:
///   pipeline, seeds, tolerance, warm_start, done, fault (or null)
///   steps     a list of
///     step, title, decision
///     kept        name of the candidate, or null
///     candidates  as "members" in sweep_table.h
///   summary   a list of {step, architecture, perplexity, parameters}, one for each decision
std::string to_json(const FourSteps& plan, const Replay& replay);

}  // namespace aero::pipeline
