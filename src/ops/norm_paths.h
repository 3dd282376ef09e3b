#pragma once

#include <torch/types.h>

// AERO's CUDA kernels compute LayerNorm and RMSNorm here, and know nothing of autograd and
// autocast.

namespace aero::ops {

struct NormInputs {
  torch::Tensor x;       // [..., width]
  torch::Tensor branch;  // the same, in y's dtype: it is a norm of x + branch; or undefined
  torch::Tensor weight;  // [width]
  torch::Tensor bias;    // [width], or undefined
  double eps;
  bool is_centred;  // LayerNorm; RMSNorm has no bias
};

struct NormRows {
  torch::Tensor sum;    // x + branch; undefined where there is no branch
  torch::Tensor y;      // as x
  torch::Tensor mean;   // [rows]; undefined under RMSNorm
  torch::Tensor scale;  // [rows], 1 / sqrt(variance + eps)
};

struct NormGradients {
  torch::Tensor x;
  torch::Tensor branch;  // undefined where there is no branch
  torch::Tensor weight;
  torch::Tensor bias;  // undefined where there is no bias
};

/// Tells whether the kernels take these: float32 on CUDA, in rows of up to 4,096 numbers, where
/// CUDA kernels were compiled.
bool has_norm_kernel(const NormInputs& inputs);
/// Gives y in `dtype`, which is float32, bfloat16 or float16.
NormRows norm_by_kernel(const NormInputs& inputs, torch::ScalarType dtype);
/// Takes `dy` in y's dtype. Of `inputs` it needs the sum as x and no branch; of `rows` it needs
/// mean and scale. `dsum`, which may be undefined, adds to the gradient of x. The gradient of a
/// branch is that of x in y's dtype; it is left out unless `with_branch`.
NormGradients differentiate_norm_by_kernel(const NormInputs& inputs, const NormRows& rows,
                                           const torch::Tensor& dy, const torch::Tensor& dsum,
                                           bool with_branch);

}  // namespace aero::ops
