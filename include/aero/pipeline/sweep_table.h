#pragma once

#include "aero/pipeline/member_result.h"
#include "aero/pipeline/sweep.h"

#include <string>
#include <vector>

namespace aero::pipeline {

/// Writes one row per member, for people.
std::string rows_markdown(const SweepResult& result);

/// Writes the remarks below the rows: report::remarks_markdown(), what "level" means, and whose
/// perplexity does not compare with the baseline's.
std::string remarks_markdown(const std::vector<MemberResult>& members);

/// Writes the rows and the remarks.
std::string to_markdown(const SweepResult& result);

/// Writes the same for papers, with the remarks as comments.
std::string to_latex(const SweepResult& result);

/// Writes the rows unrounded, for spreadsheets.
std::string to_csv(const SweepResult& result);

/// Writes everything, unrounded. A number that is missing or not finite is null. Scripts read this:
///   sweep, base, baseline: names and path
///   members: a list of
///     name, architecture
///     set          {"model.norm": "none", ...}: what the member changes
///     config       the effective section "model"
///     perplexity   mean, std (sample), n, change_percent: over the runs that finished; difference
///                  {mean, margin, n, level}: from the baseline's, paired by seed (paired.h), level
///                  null where fewer than two seeds are shared; measured_on {"data.path", ...}: the
///                  tokens and contexts that it was measured on; where they are not the baseline's,
///                  change_percent, difference and pareto are null
///     loss         mean, std
///     parameters   total
///     flops        ffn, attention: one context, as the papers count
///     operations   {"softmax": [count, rows, columns], ...} (cost/operations.h)
///     pi           null without a cost model, else cost_model, network, comm_bytes, rounds,
///                  latency_s of a forward pass over a context; uncharged {name: reason}, notes
///     pareto       {bytes, seconds}: whether no other model is at least as good in both mean
///                  perplexity and cost and better in one, null where that is unknown; level
///                  {bytes, seconds}: names of the models that cost no more and are level in
///                  perplexity
///     bins         four shares of heads by entropy, from low to high, or null
///     runs         a list of
///       seed, folder
///       state        "finished", "nonfinite" or "unfinished"
///       loss, perplexity: of the last evaluation
///       steps, tokens, seconds: trained
///       evaluations  [[step, loss], ...]
///       nonfinite    {step, quantity, layer, parameter} of the first non-finite step, or null
std::string to_json(const SweepResult& result);

struct WrittenSweep {
  SweepResult result;               ///< charged by the pricing to show
  std::vector<std::string> faults;  ///< for each file that could not be written, its name and why
};

/// Writes FOLDER/<name>.md, .csv and .json from the run folders as they are, and the same tables by
/// the cost model of the command line beside them (table_name()). One process writes at a time.
/// Throws Error where a run folder cannot be read.
WrittenSweep write_tables(const Sweep& sweep);

}  // namespace aero::pipeline
