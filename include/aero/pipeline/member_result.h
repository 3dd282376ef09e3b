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
  std::optional<double> mean;       ///< of at least one
  std::optional<double> deviation;  ///< of at least two
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
  Spread loss;                                ///< the same, nats a token
  std::optional<double> change_percent;       ///< of the mean perplexity against the baseline's
  PairedDifference difference;                ///< of the perplexity from the baseline's
  std::optional<std::array<double, 4>> bins;  ///< mean over the runs that finished and have them
  /// Of which tokens in which contexts its perplexity is, by key: "data.path" with links and dots
  /// resolved and "data", the fingerprint of the validation split, where the runs tell it;
  /// "model.context"; "eval.batches x eval.batch_size" as the number of contexts or "all", and
  /// "split": "whole" where the evaluations came to its end.
  std::map<std::string, std::string> measured_on;
  /// What of that is otherwise than the baseline's. Unless empty, the two do not compare: the
  /// member has no change, no difference and no place on a front.
  std::map<std::string, std::string> measured_otherwise;
};

struct SweepResult {
  std::string name;
  std::filesystem::path base;
  std::string baseline;
  std::vector<MemberResult> members;
};

}  // namespace aero::pipeline
