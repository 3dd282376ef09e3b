#pragma once

#include "aero/config/run_config.h"

#include <cstdint>

namespace aero::train {

/// What may not change where a run goes on: the model, the seed, the algorithm of the optimizer,
/// and the sequences of one step, which decide together what the state means (docs/training.md has
/// the table of all keys). `begun` is the config of the checkpoint. Throws UsageError that names
/// the key and both values.
void check_resume(const RunConfig& begun, const RunConfig& config);

/// Contexts that one evaluation scores, the first of the split; 0: all.
std::int64_t evaluated_contexts(const RunConfig& config);

/// Whether two evaluations score the same contexts, so that their losses can be compared.
bool evaluates_alike(const RunConfig& a, const RunConfig& b);

}  // namespace aero::train
