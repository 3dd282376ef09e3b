#pragma once

#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::pipeline {

/// The models of each step, in the folders FOLDER/<step>-<slug>. Each is what was kept before with
/// one thing changed. Throw UsageError with the loader's faults, or for a candidate that still has
/// what its step removes.

Member baseline_member(const FourSteps& plan);
Member without_norm(const Candidate& candidate, const RunConfig& before);
Member without_activation(const Candidate& candidate, const RunConfig& before);
Member fused(const RunConfig& before);
/// The `count` deepest FFNs gone.
Member pruned(const RunConfig& fused, std::int64_t count);
Member regularised(const Candidate& candidate, const RunConfig& before);

/// What the steps try where the file does not say.
std::vector<Candidate> default_without_norm(const ModelConfig& baseline);
std::vector<Candidate> default_without_activation(const ModelConfig& baseline);
std::vector<Candidate> default_regularised();

/// What regularisation may make of the attention: "EReg(SM(t))", "SM(t)", "EReg(SM)".
std::vector<std::string> attention_names();

}  // namespace aero::pipeline
