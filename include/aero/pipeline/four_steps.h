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
  CostChoice cost;    ///< replaces the cost model and network that the file names
  bool list = false;  ///< print where the pipeline stands; train and write nothing
  int columns = 0;    ///< width of a printed line (report/fit.h); 0: unlimited
  jobs::JobOptions jobs;
};

/// Does the work of `aero pipeline`: trains the missing runs step by step and decides each step. It
/// writes FOLDER/pipeline.md and pipeline.json after every run and at the end, and prints the
/// markdown to `out`. Returns failure where a run could not be trained, and interrupted, terminated
/// or hangup after a signal; another call continues from there. Throws UsageError where the file is
/// faulty or a folder holds another run, and Error where no candidate of a step stayed finite.
ExitCode four_steps(const FourStepsOptions& options, std::ostream& out);

}  // namespace aero::pipeline
