#pragma once

#include <torch/types.h>

namespace aero::ops {

/// What stands in for softmax in attention, of ATen operations with autograd's own derivatives.
/// scores [B, H, T, S]; `visible` [T, S] is true where a query may see a key. -> weights of the
/// same shape, 0 where a key is hidden.

/// 2Quad (MPCFormer, arXiv 2211.01452): w_ij = (s_ij + c)^2 / sum_j (s_ij + c)^2 over the visible
/// keys. A row whose visible scores are all -c has no weights: NaN.
torch::Tensor two_quad_weights(const torch::Tensor& scores, const torch::Tensor& visible, double c);

/// ReLU attention (arXiv 2309.08586): w_ij = max(s_ij, 0) / n_i, n_i the keys that query i sees.
/// Its rows do not sum to 1.
torch::Tensor relu_weights(const torch::Tensor& scores, const torch::Tensor& visible);

/// -sum_j p_ij log p_ij of the rows, p the weights over their sum, 0 log 0 = 0: [B, H, T] nats. A
/// row of zeros has the entropy 0.
torch::Tensor weight_entropy(const torch::Tensor& weights);

}  // namespace aero::ops
