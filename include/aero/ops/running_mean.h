#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Mean of the rows up to and with each: [B, H, T, d] -> [B, H, T, d]. In the dtype of `x`, also
/// under autocast. Where deterministic algorithms are asked for (train.deterministic), on CUDA,
/// which has no such cumulative sum, by running_mean_by_product().
torch::Tensor running_mean(const torch::Tensor& x);

/// The same as a product with a triangle [T, T]: T times the operations, in one order.
torch::Tensor running_mean_by_product(const torch::Tensor& x);

}  // namespace aero::ops
