#pragma once

#include "aero/ops/residual.h"

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

/// Computes x + branch, and layer_norm() of that sum. The branch has the shape of x; without one
/// (undefined), the sum is x.
///
/// AERO's kernel takes a branch in the dtype of its result. It then makes the sum and the norm in
/// one sweep. In the backward pass, one sweep computes the norm's gradient, adds the gradients that
/// other readers of the sum give, and casts the result for the branch. So let what else reads x
/// read the sum in its place. The numbers are those of the separate operations. On CUDA the sum may
/// be a view of x, which autograd lets nobody change in place.
Summed layer_norm_of_sum(const torch::Tensor& x, const torch::Tensor& branch,
                         const torch::Tensor& weight, const torch::Tensor& bias, double eps,
                         NormDtype dtype);
/// Does the same for rms_norm().
Summed rms_norm_of_sum(const torch::Tensor& x, const torch::Tensor& branch,
                       const torch::Tensor& weight, double eps, NormDtype dtype);

}  // namespace aero::ops
