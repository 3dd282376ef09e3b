#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Says in which dtype a norm gives its result under autocast.
enum class NormDtype {
  norms,    ///< as autocast gives it to norms: float32 on CUDA, the input's dtype on the CPU
  products  ///< as autocast gives it to matrix products; see to_autocast_dtype()
};

/// Computes (x - mean) / sqrt(var + eps) weight + bias over the last dimension of x, which is that
/// of the weight. The bias may be undefined.
///
/// AERO's kernel computes it on CUDA under autocast if x, weight and bias are float32, a row has up
/// to 4,096 numbers, and the kernel was compiled. PyTorch computes all other cases. The kernel
/// computes in float32, as PyTorch does, and writes the dtype that was asked for. Its backward pass
/// reads a gradient in that dtype and gives all gradients in float32, with the same bits each time.
/// It can be differentiated once.
///
/// Take NormDtype::products only for a single reader that casts the result before it does anything
/// else: it then sees the same numbers and gives the same gradients in either dtype. A reader that
/// also adds the result to something would see rounded numbers, and the gradients of two readers
/// would be added in 16 bits.
torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps, NormDtype dtype = NormDtype::norms);

/// Computes x / sqrt(mean(x^2) + eps) weight, otherwise as layer_norm().
torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps,
                       NormDtype dtype = NormDtype::norms);

}  // namespace aero::ops
