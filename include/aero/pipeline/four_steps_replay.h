#pragma once

#include "aero/jobs/job_runner.h"
#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/member_result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// A step with all that was tried in it.
struct StepResult {
  int number = 0;                        ///< 0: the baseline
  std::string title;                     ///< "LayerNorm removed"
  std::vector<MemberResult> candidates;  ///< their change is against the baseline
  std::optional<std::size_t> kept;       ///< index of the one that the next step builds on
  std::string decision;                  ///< why, with its numbers; empty: not decided yet
};

/// Where a pipeline stands.
struct Replay {
  std::vector<StepResult> steps;   ///< up to the first that is not decided
  std::vector<jobs::Job> next;     ///< runs that decide it and are not done
  std::vector<std::string> names;  ///< of `next`: "SM+R seed 1"
  bool needs_evaluation = false;   ///< the loaded baseline was not evaluated yet
  std::string fault;               ///< why it can't go on: nothing that was tried stayed finite

  bool done() const { return next.empty() && !needs_evaluation && fault.empty(); }
};

/// Takes every decision anew from the run folders as they are. A candidate can be kept where all
/// its runs finished with a finite perplexity. The lowest mean over the seeds wins, the first of
/// equals; where the plan names a cost model, the fewest bytes win among those that are level with
/// it (paired.h). Throws UsageError where a folder holds a run of other settings.
Replay replay(const FourSteps& plan);

/// Charges all candidates anew; decisions stay.
void charge(Replay& replay, const Pricing& pricing);

/// The decisions with their tables, and a summary, for people.
std::string to_markdown(const FourSteps& plan, const Replay& replay);

/// The same unrounded:
///   pipeline, seeds, tolerance, warm_start, done, fault (null where there is none)
///   steps     a list of
///     step, title, decision
///     kept        name of the candidate, or null
///     candidates  as "members" in sweep_table.h
///   summary   a list of {step, architecture, perplexity, parameters}: how the model changed
std::string to_json(const FourSteps& plan, const Replay& replay);

}  // namespace aero::pipeline
