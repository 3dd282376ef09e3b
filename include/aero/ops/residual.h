#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Holds a sum and what was made of it.
struct Summed {
  torch::Tensor sum;
  torch::Tensor y;
};

/// Computes x + branch, and that sum in autocast's dtype. The branch has the shape of x; without one
/// (undefined), the sum is x.
///
/// On CUDA under autocast, one sweep of AERO's kernel makes both, where nvcc compiled it and the
/// branch has autocast's dtype. In the backward pass, one sweep adds the gradients of both and casts
/// the result for the branch. It gives the same numbers as the separate operations and can be
/// differentiated once. So other readers of x should read the sum in its place.
Summed cast_of_sum(const torch::Tensor& x, const torch::Tensor& branch);

/// Computes beta h + f / alpha (ScFFN, arXiv 2410.13060), where alpha and beta are [1] and h and f
/// have one shape. The result has the wider dtype of all.
///
/// On CUDA, one sweep of AERO's kernel makes it for h in float32, where nvcc compiled it, and one
/// more makes all gradients, those of alpha and beta with the same bits each time. It can be
/// differentiated once.
torch::Tensor scaled_sum(const torch::Tensor& h, const torch::Tensor& f, const torch::Tensor& alpha,
                         const torch::Tensor& beta);

}  // namespace aero::ops
