#pragma once

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/jobs/job_runner.h"
#include "aero/pipeline/pricing.h"

#include <filesystem>
#include <iosfwd>
#include <vector>

namespace aero::pipeline {

struct FourStepsOptions {
  std::filesystem::path file;
  std::vector<Override> overrides;
  CostChoice cost;    ///< instead of what the file names
  bool list = false;  ///< print where the pipeline stands; nothing is trained or written
  int columns = 0;    ///< that a printed line holds (report/fit.h); 0: any number
  jobs::JobOptions jobs;
};

/// What `aero pipeline` does: trains step by step what is missing, decides each step, and keeps
/// FOLDER/pipeline.md and pipeline.json up to date, after every run and at the end, when the
/// markdown is printed to `out`. failure where a run could not be trained, interrupted or
/// terminated after a signal; another call goes on. Throws UsageError for a faulty file or folders
/// of other runs, Error where nothing that a step tried stayed finite.
ExitCode four_steps(const FourStepsOptions& options, std::ostream& out);

}  // namespace aero::pipeline
