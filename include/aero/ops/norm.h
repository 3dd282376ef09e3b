#pragma once

#include <torch/types.h>

namespace aero::ops {

/// In which dtype a norm gives its result under autocast.
enum class NormDtype {
  norms,    ///< in that which autocast gives to norms: float32 on CUDA, the input's on the CPU
  products  ///< in that which autocast gives to matrix products, as to_autocast_dtype() would
};

/// (x - mean) / sqrt(var + eps) weight + bias over the last dimension of x, that of the weight; the
/// bias may be undefined.
///
/// PyTorch's, but on CUDA under autocast, for x, weight and bias in float32 and rows of up to 4,096
/// numbers, by AERO's kernel where it was compiled. That computes in float32, too, and writes the
/// asked dtype at once; its backward pass reads a gradient in the result's dtype, gives all
/// gradients in float32, and the same bits each time.
///
/// A reader that casts the result before all else sees the same numbers and gives the same
/// gradients in either dtype. One that does not, or two that cast it each for itself, whose
/// gradients float32 would add, want NormDtype::norms. Differentiable once where the kernel
/// computes it.
torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps, NormDtype dtype = NormDtype::norms);

/// x / sqrt(mean(x^2) + eps) weight, else as layer_norm().
torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps,
                       NormDtype dtype = NormDtype::norms);

}  // namespace aero::ops
