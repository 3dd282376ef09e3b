#pragma once

#include <torch/types.h>

#include <cstdint>

namespace aero::ops {

/// Logits that the loss works on at a time: 256 MiB in float32, half of that in bfloat16.
inline constexpr std::int64_t default_block_logits = std::int64_t{1} << 26;

/// Mean over the rows whose target is not -100 of logsumexp(z_i) - z_i[target_i], z = hidden
/// weight^T; nats. hidden [N, d], weight [V, d], targets [N] int64 -> scalar, float32 (float64 for
/// float64 input).
///
/// Works through blocks of rows, as many as have `block_logits` logits, and takes the gradient on
/// the way, so that no [N, V] tensor in float32 is kept between forward and backward. Products run
/// in autocast's dtype where it is on; the softmax is always float32 or wider. NaN where no row has
/// a target, as PyTorch's mean reduction. Differentiable once.
torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight,
                                   const torch::Tensor& targets,
                                   std::int64_t block_logits = default_block_logits);

}  // namespace aero::ops
