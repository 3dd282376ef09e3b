#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Computes for each row the mean of the rows up to and including it: [B, H, T, d] -> [B, H, T, d].
/// `x` is float32 or float64, and so is the result, also under autocast. CUDA has no deterministic
/// cumulative sum, so under train.deterministic it uses running_mean_by_product() there.
torch::Tensor running_mean(const torch::Tensor& x);

/// Computes the same as a product with a triangle [T, T], which takes T times the operations,
/// always in the same order.
torch::Tensor running_mean_by_product(const torch::Tensor& x);

}  // namespace aero::ops
