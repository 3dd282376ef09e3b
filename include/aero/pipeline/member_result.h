#pragma once

#include "aero/jobs/run_state.h"
#include "aero/pipeline/change.h"
#include "aero/pipeline/paired.h"
#include "aero/report/report.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Mean and sample standard deviation of the finite values.
struct Spread {
  std::size_t n = 0;
  std::optional<double> mean;       ///< needs at least one value
  std::optional<double> deviation;  ///< needs at least two values
};

struct SeedResult {
  std::int64_t seed = 0;
  std::filesystem::path folder;
  jobs::RunState state;
};

struct MemberResult {
  std::string name;
  std::vector<Change> changes;
  report::Report report;
  std::vector<SeedResult> runs;
  Spread perplexity;                          ///< over the runs that finished
  Spread loss;                                ///< over the same runs, in nats per token
  std::optional<double> change_percent;       ///< of mean perplexity from the baseline's
  PairedDifference difference;                ///< of perplexity from the baseline's
  std::optional<std::array<double, 4>> bins;  ///< mean over the finished runs that have bins
  /// The tokens and contexts that the perplexity was measured on, by key: "data.path", with links
  /// and dots resolved; "data", the fingerprint of the validation split, where the runs report it;
  /// "model.context"; "eval.batches x eval.batch_size", the number of contexts or "all"; and
  /// "split", which is "whole" where the evaluations reached the end of the split.
  std::map<std::string, std::string> measured_on;
  /// Those entries that differ from the baseline's. Where there are any, the two perplexities do
  /// not compare: the member has no change, no difference and no place on a front.
  std::map<std::string, std::string> measured_otherwise;
};

struct SweepResult {
  std::string name;
  std::filesystem::path base;
  std::string baseline;
  std::vector<MemberResult> members;
};

}  // namespace aero::pipeline
