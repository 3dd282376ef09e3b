#pragma once

#include "aero/config/run_config.h"

#include <cstdint>

namespace aero::train {

/// Checks what must stay when a run resumes: the model, the seed, the optimizer's algorithm, and
/// the number of sequences of a step. The saved state has a meaning only with these
/// (docs/training.md lists all keys). `begun` is the config of the checkpoint. Throws a UsageError
/// that names the key and both values.
void check_resume(const RunConfig& begun, const RunConfig& config);

/// Returns how many contexts, from the start of the split, an evaluation scores; 0: all.
std::int64_t evaluated_contexts(const RunConfig& config);

/// Whether two evaluations score the same contexts, so that their losses can be compared.
bool evaluates_alike(const RunConfig& a, const RunConfig& b);

}  // namespace aero::train
