#pragma once

#include "aero/pipeline/member_result.h"
#include "aero/pipeline/sweep.h"

#include <string>
#include <vector>

namespace aero::pipeline {

/// One row a member, for people.
std::string rows_markdown(const SweepResult& result);

/// What a reader of the rows must know: report::remarks_markdown(), what "level" says of the spread
/// over the seeds, and whose perplexity does not compare with the baseline's.
std::string remarks_markdown(const std::vector<MemberResult>& members);

/// Both.
std::string to_markdown(const SweepResult& result);

/// The same for papers; the remarks are comments.
std::string to_latex(const SweepResult& result);

/// The same unrounded, for spreadsheets.
std::string to_csv(const SweepResult& result);

/// Everything, unrounded; a number that is not finite or not there is null. Scripts build on it:
///   sweep, base, baseline: names and path
///   members: a list of
///     name, architecture
///     set          {"model.norm": "none", ...}: what the member changes
///     config       the effective section "model"
///     perplexity   mean, std (sample), n, change_percent: over the runs that finished; difference
///                  {mean, margin, n, level}: from the baseline's, paired by seed (paired.h), level
///                  null where fewer than two seeds are shared; measured_on {"data.path", ...}: of
///                  which tokens in which contexts it is; where that is not the baseline's,
///                  change_percent, difference and pareto are null
///     loss         mean, std
///     parameters   total
///     flops        ffn, attention: one context, as the papers count
///     operations   {"softmax": [count, rows, columns], ...} (cost/operations.h)
///     pi           null without a cost model, else cost_model, network, comm_bytes, rounds,
///                  latency_s of a forward pass over a context; uncharged {name: reason}, notes
///     pareto       {bytes, seconds}: whether no other model is as good in mean perplexity and in
///                  cost and better in one of them, null where that is not known; level {bytes,
///                  seconds}: names of the models that cost no more and are level in perplexity
///     bins         four shares of heads by entropy, from low to high, or null
///     runs         a list of
///       seed, folder
///       state        "finished", "nonfinite" or "unfinished"
///       loss, perplexity: of the last evaluation
///       steps, tokens, seconds: trained
///       evaluations  [[step, loss], ...]
///       nonfinite    {step, quantity, layer, parameter} of the first such step, or null
std::string to_json(const SweepResult& result);

struct WrittenSweep {
  SweepResult result;               ///< charged as was asked
  std::vector<std::string> faults;  ///< why a file could not be written, a line each that names it
};

/// Writes FOLDER/<name>.md, .csv and .json from the run folders as they are now, one process at a
/// time, and those of the cost model that was asked for beside them (table_name()). Throws Error
/// where a run folder cannot be read.
WrittenSweep write_tables(const Sweep& sweep);

}  // namespace aero::pipeline
