#pragma once

#include "aero/config/run_config.h"

#include <map>
#include <string>

namespace aero::pipeline {

/// The tokens and contexts that a perplexity was measured on, by key: "data.path", with links and
/// dots resolved, "model.context", and "eval.batches x eval.batch_size", the number of contexts or
/// "all". Where the runs report them, also "data", the fingerprint of the validation split, and
/// "split", which is "whole" if the evaluation reached the end of the split.
using Measurement = std::map<std::string, std::string>;

/// What the runs of a member report, where all of them report the same.
struct Reported {
  bool is_whole = false;
  std::string data;  ///< empty where they do not report it
};

Measurement measurement_of(const RunConfig& config, const Reported& reported = {});

/// Returns the entries of `measurement` that differ in `reference`; without any, the perplexities
/// compare. Of "data" and "data.path" it compares the former where both have it, and else the
/// latter; it treats "split" and the number of contexts in the same way.
Measurement difference(const Measurement& measurement, const Measurement& reference);

/// "data.path=other, model.context=64"
std::string settings_text(const Measurement& settings);

}  // namespace aero::pipeline
