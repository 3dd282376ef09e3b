#pragma once

#include "aero/config/run_config.h"
#include "aero/train/evaluation.h"

namespace aero::train {

/// Whether eval.batches ended an evaluation, so that its loss is that of the split's first contexts
/// and not comparable with one of the whole split.
inline bool is_of_a_part(const Evaluation& evaluation, const RunConfig& config) {
  const auto batch = config.eval.batch_size > 0 ? config.eval.batch_size : config.train.batch_size;
  // By division, since the product may be beyond 64 bits.
  return config.eval.batches > 0 && evaluation.samples / batch >= config.eval.batches;
}

}  // namespace aero::train
