#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Holds a sum and what was made of it.
struct Summed {
  torch::Tensor sum;
  torch::Tensor y;
};

/// Computes x + branch, and that sum in autocast's dtype. The branch has the shape of x; without
/// one (undefined), the sum is x.
///
/// On CUDA under autocast, one sweep of AERO's kernel makes both, where nvcc compiled it and the
/// branch has autocast's dtype. In the backward pass, one sweep adds the gradients of both, also
/// those that other readers of the sum give, and casts the result for the branch. So let what else
/// reads x read the sum in its place. The numbers are those of the separate operations. The kernel
/// can be differentiated once. On CUDA the sum may be a view of x, which autograd lets nobody
/// change in place.
Summed cast_of_sum(const torch::Tensor& x, const torch::Tensor& branch);

/// Computes beta h + f / alpha (ScFFN, arXiv 2410.13060), where alpha and beta are [1] and h and f
/// have one shape. The result has the wider dtype of all.
///
/// On CUDA under autocast, one sweep of AERO's kernel makes it for h in float32, where nvcc
/// compiled it, and one more makes all gradients, those of alpha and beta with the same bits each
/// time. It can be differentiated once.
torch::Tensor scaled_sum(const torch::Tensor& h, const torch::Tensor& f, const torch::Tensor& alpha,
                         const torch::Tensor& beta);

}  // namespace aero::ops
