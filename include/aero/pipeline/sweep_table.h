#pragma once

#include "aero/pipeline/run_state.h"
#include "aero/pipeline/sweep.h"
#include "aero/report/report.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
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

Spread spread_of(const std::vector<double>& values);

struct SeedResult {
  std::int64_t seed = 0;
  std::filesystem::path folder;
  RunState state;
};

struct MemberResult {
  std::string name;
  std::vector<Change> changes;
  report::Report report;
  std::vector<SeedResult> runs;
  Spread perplexity;                          ///< over the runs that finished
  Spread loss;                                ///< the same, nats a token
  std::optional<double> change_percent;       ///< of the mean perplexity against the baseline's
  std::optional<std::array<double, 4>> bins;  ///< mean over the runs that finished and have them
};

struct SweepResult {
  std::string name;
  std::filesystem::path base;
  std::string baseline;
  std::vector<MemberResult> members;
};

/// Reads all run folders of a sweep as they are now.
SweepResult collect(const Sweep& sweep);

/// One row a member, for people.
std::string rows_markdown(const SweepResult& result);

/// What goes with the costs in them: report::remarks_markdown().
std::string remarks_markdown(const std::vector<MemberResult>& members);

/// Both.
std::string to_markdown(const SweepResult& result);

/// The same unrounded, for spreadsheets.
std::string to_csv(const SweepResult& result);

/// Everything, unrounded; a number that is not finite or not there is null. Scripts build on it:
///   sweep, base, baseline: names and path
///   members: a list of
///     name, architecture
///     set          {"model.norm": "none", ...}: what the member changes
///     config       the effective section "model"
///     perplexity   mean, std (sample), n, change_percent: over the runs that finished
///     loss         mean, std
///     parameters   total
///     flops        ffn, attention: one context, as the papers count
///     operations   {"softmax": [count, rows, columns], ...} (cost/operations.h)
///     pi           null without a cost model, else cost_model, network, comm_bytes, rounds,
///                  latency_s of a forward pass over a context; uncharged {name: reason}, notes
///     pareto       {bytes, seconds}: whether no other model is as good in perplexity and in cost
///                  and better in one of them; null where that is not known
///     bins         four shares of heads by entropy, from low to high, or null
///     runs         a list of
///       seed, folder
///       state        "finished", "nonfinite" or "unfinished"
///       loss, perplexity: of the last evaluation
///       steps, tokens, seconds: trained
///       evaluations  [[step, loss], ...]
///       nonfinite    {step, quantity, layer, parameter} of the first such step, or null
std::string to_json(const SweepResult& result);

/// Writes FOLDER/<name>.md, .csv and .json from the run folders as they are now, one process at a
/// time, and returns what it wrote. Throws Error.
SweepResult write_tables(const Sweep& sweep);

}  // namespace aero::pipeline
