#pragma once

#include "aero/config/model_config.h"
#include "aero/model/batch_share.h"

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace aero::model {

/// Computes the penalty of entropy regularisation (arXiv 2501.03489): lambda times the mean over
/// layers and heads of d^2, where d = E - theta E_max is the deviation of a head's entropy E, and
/// E_max = ln(context). A deviation |d| <= gamma E_max counts as 0. Under `mean`, E is the head's
/// mean over batch and positions. Under `row_sum`, each row has its own d, and the squares are
/// summed over batch and positions. `row_entropy` holds [B, H, T] nats for each layer, `thresholds`
/// is theta [L, H]. The result is a scalar, differentiable by both.
///
/// Where several processes share a batch, the penalty is that of the whole batch, and the gradients
/// are each process's part of it: their sum is the gradient. The value is the whole penalty under
/// `mean`, which is not linear in the rows, and this process's part of the sum under `row_sum`.
torch::Tensor entropy_penalty(const std::vector<torch::Tensor>& row_entropy,
                              const torch::Tensor& thresholds, const EregConfig& config,
                              std::int64_t context, const BatchShare& share = {});

}  // namespace aero::model
