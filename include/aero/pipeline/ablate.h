#pragma once

#include "aero/core/error.h"
#include "aero/jobs/job_runner.h"
#include "aero/pipeline/pareto.h"
#include "aero/pipeline/pricing.h"

#include <cstddef>
#include <filesystem>
#include <iosfwd>

namespace aero::pipeline {

/// The part of a sweep that one job of a job array takes: members index, index + count, ...
struct Shard {
  std::size_t index = 0;  ///< from 0
  std::size_t count = 1;
};

/// "2/5" is the second of five. Throws UsageError.
Shard parse_shard(const std::string& text);

enum class AblateMode {
  train,    ///< all runs of the shard, then the table
  list,     ///< print the runs and their states
  collect,  ///< the table of what is there
};

struct AblateOptions {
  std::filesystem::path sweep;
  AblateMode mode = AblateMode::train;
  CostChoice cost;         ///< instead of what the sweep names
  Rank rank = Rank::none;  ///< of the rows that are printed; files keep the sweep's order
  bool latex = false;      ///< how they are printed
  int columns = 0;         ///< that a printed line holds (report/fit.h); 0: any number
  Shard shard;
  jobs::JobOptions jobs;
};

/// What `aero ablate` does: trains what is missing and keeps the tables of the sweep up to date,
/// after every run and at the end, when the markdown is printed to `out`. failure where a run could
/// not be trained, is trained by another process, or a table could not be written; interrupted or
/// terminated after a signal. Throws UsageError before anything runs for a faulty sweep, for one
/// whose run folders hold other runs, and where another process trains it.
ExitCode ablate(const AblateOptions& options, std::ostream& out);

}  // namespace aero::pipeline
