#pragma once

#include <torch/types.h>

#include <functional>

namespace aero::model {

/// The part of a batch that one of several processes computes. Their parts make up the batch.
struct BatchShare {
  double part = 1;  ///< of the batch's sequences
  /// Sums a tensor over the processes, without a gradient. Empty where there is one process.
  std::function<torch::Tensor(const torch::Tensor&)> sum = {};
};

}  // namespace aero::model
