#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

#include <vector>

namespace aero::model {

/// lambda times the mean over layers and heads of the squared deviation d = E - theta E_max,
/// E_max = ln(context), where |d| > gamma E_max, else 0 (arXiv 2501.03489). `row_entropy` holds
/// [B, H, T] nats of each layer, `thresholds` is theta [L, H]. mean: E is a head's mean over batch
/// and positions. row_sum: d of each row, the squares summed over batch and positions. A scalar,
/// differentiable by both.
torch::Tensor entropy_penalty(const std::vector<torch::Tensor>& row_entropy,
                              const torch::Tensor& thresholds, const EregConfig& config,
                              std::int64_t context);

}  // namespace aero::model
