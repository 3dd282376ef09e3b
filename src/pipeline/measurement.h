#pragma once

#include "aero/config/run_config.h"

#include <map>
#include <string>

namespace aero::pipeline {

/// By key, of which tokens in which contexts a perplexity is: "data.path" with links and dots
/// resolved, "model.context", "eval.batches x eval.batch_size" as the number of contexts or "all".
/// What a run tells of itself counts for more: "data", the fingerprint of its validation split,
/// than the path, and "split", "whole" where its evaluation came to the end, than the number.
using Measurement = std::map<std::string, std::string>;

/// What the runs of a member tell, where all of them tell the same.
struct Told {
  bool is_whole = false;
  std::string data;  ///< empty where they do not tell
};

Measurement measurement_of(const RunConfig& config, const Told& told = {});

/// What of `measurement` is otherwise in `reference`; of "data" and "data.path", and of "split" and
/// the number of contexts, the former is compared where both have it. Where nothing is, they
/// compare.
Measurement difference(const Measurement& measurement, const Measurement& reference);

/// "data.path=other, model.context=64"
std::string settings_text(const Measurement& settings);

}  // namespace aero::pipeline
