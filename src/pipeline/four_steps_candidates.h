#pragma once

#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::pipeline {

/// These functions make the models of each step, in the folders FOLDER/<step>-<slug>. Each model is
/// the one kept before with one change. They throw UsageError with the loader's faults, and for a
/// candidate that still has what its step removes.

Member baseline_member(const FourSteps& plan);
Member without_norm(const Candidate& candidate, const RunConfig& before);
Member without_activation(const Candidate& candidate, const RunConfig& before);
Member fused(const RunConfig& before);
/// Removes the `count` deepest FFNs.
Member pruned(const RunConfig& fused, std::int64_t count);
Member regularised(const Candidate& candidate, const RunConfig& before);

/// The candidates of the steps where the file lists none.
std::vector<Candidate> default_without_norm(const ModelConfig& baseline);
std::vector<Candidate> default_without_activation(const ModelConfig& baseline);
std::vector<Candidate> default_regularised();

/// The forms of attention that regularisation may lead to: "EReg(SM(t))", "SM(t)", "EReg(SM)".
std::vector<std::string> attention_names();

}  // namespace aero::pipeline
