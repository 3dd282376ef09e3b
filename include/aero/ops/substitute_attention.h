#pragma once

#include <torch/types.h>

namespace aero::ops {

/// These functions replace softmax in attention. They are made of ATen operations, which autograd
/// differentiates. They map scores [B, H, T, S] to weights of the same shape. `visible` [T, S] is
/// true where a query may see a key; the weights of hidden keys are 0.

/// 2Quad (MPCFormer, arXiv 2211.01452): w_ij = (s_ij + c)^2 / sum_j (s_ij + c)^2 over the visible
/// keys. A row whose visible scores are all -c has no weights: NaN.
torch::Tensor two_quad_weights(const torch::Tensor& scores, const torch::Tensor& visible, double c);

/// ReLU attention (arXiv 2309.08586): w_ij = max(s_ij, 0) / n_i, where query i sees n_i keys.
/// Its rows do not sum to 1.
torch::Tensor relu_weights(const torch::Tensor& scores, const torch::Tensor& visible);

/// Computes the entropy -sum_j p_ij log p_ij of each row, [B, H, T] nats, where p is the row's
/// weights divided by their sum, and 0 log 0 = 0. A row of zeros has the entropy 0.
torch::Tensor weight_entropy(const torch::Tensor& weights);

}  // namespace aero::ops
