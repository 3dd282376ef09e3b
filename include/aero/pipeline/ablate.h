#pragma once

#include "aero/core/error.h"
#include "aero/jobs/job_runner.h"
#include "aero/pipeline/pareto.h"
#include "aero/pipeline/pricing.h"

#include <cstddef>
#include <filesystem>
#include <iosfwd>

namespace aero::pipeline {

/// The part of a sweep that one job of a job array trains: members index, index + count, ...
struct Shard {
  std::size_t index = 0;  ///< from 0
  std::size_t count = 1;
};

/// Reads "2/5", the second of five. Throws UsageError.
Shard parse_shard(const std::string& text);

enum class AblateMode {
  train,    ///< train all runs of the shard, then make the table
  list,     ///< print the runs and their states
  collect,  ///< make the table from the runs that are there
};

struct AblateOptions {
  std::filesystem::path sweep;
  AblateMode mode = AblateMode::train;
  CostChoice cost;         ///< replaces the cost model and network that the sweep names
  Rank rank = Rank::none;  ///< order of the printed rows; files keep the sweep's order
  bool latex = false;      ///< print LaTeX, not markdown
  int columns = 0;         ///< width of a printed line (report/fit.h); 0: unlimited
  Shard shard;
  jobs::JobOptions jobs;
};

/// Does the work of `aero ablate`: trains the runs that are missing, writes the sweep's tables
/// after every run and at the end, and prints the table to `out`. Returns failure where a run could
/// not be trained or is being trained by another process, or where a table could not be written.
/// Returns interrupted, terminated or hangup after a signal. Throws UsageError before anything runs
/// where the sweep is faulty, its run folders hold other runs, or another process trains it.
ExitCode ablate(const AblateOptions& options, std::ostream& out);

}  // namespace aero::pipeline
