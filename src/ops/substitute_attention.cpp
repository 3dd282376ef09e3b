#include "aero/ops/substitute_attention.h"

namespace aero::ops {

torch::Tensor two_quad_weights(const torch::Tensor& scores, const torch::Tensor& visible,
                               double c) {
  // Masks after the square, because (-inf)^2 would be the largest weight of all.
  const auto squares = (scores + c).square() * visible;
  return squares / squares.sum(-1, true);
}

torch::Tensor relu_weights(const torch::Tensor& scores, const torch::Tensor& visible) {
  const auto counts = visible.sum(-1, true).to(scores.scalar_type());
  return torch::relu(scores) * (visible / counts);
}

torch::Tensor weight_entropy(const torch::Tensor& weights) {
  const auto sums = weights.sum(-1, true);
  const auto shares = weights / torch::where(sums == 0, 1, sums);
  return -(shares * torch::where(shares == 0, 1, shares).log()).sum(-1);
}

}  // namespace aero::ops
