#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Computes y = x weight^T + bias as torch::linear() does: x [..., in], weight [out, in], bias
/// [out] or undefined.
///
/// On CUDA, where nvcc compiled it, a kernel of AERO's sums the gradient of the bias in float32. It
/// gives the same bits each time, reads y's gradient as fast as memory gives it, and can be
/// differentiated once.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias);

/// Sums all but the last dimension of x [..., n]: [n] in float32, or in x's dtype on other devices
/// than CUDA.
torch::Tensor column_sums(const torch::Tensor& x);

}  // namespace aero::ops
