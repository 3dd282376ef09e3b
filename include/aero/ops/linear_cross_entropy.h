#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

namespace aero::ops {

/// Logits that the loss works on at a time on the CPU: 256 MiB in float32, half of that in
/// bfloat16.
inline constexpr std::int64_t default_block_logits = std::int64_t{1} << 26;

/// Mean over the rows whose target is not -100 of logsumexp(z_i) - z_i[target_i], z = hidden
/// weight^T; nats. hidden [N, d], weight [V, d], targets [N] int64 -> scalar, float32 (float64 for
/// float64 input).
///
/// Works through blocks of rows, as many as have `block_logits` logits (by default those that suit
/// the device), and takes the gradient on the way, so that no [N, V] tensor in float32 is kept
/// between forward and backward. Products run in autocast's dtype where it is on; the softmax is
/// always float32 or wider, and so is the sum of the weight's gradient on CUDA. NaN where no row
/// has a target, as PyTorch's mean reduction. A target outside of the vocabulary throws; on CUDA,
/// where nothing waits for the answer, it is an assertion that ends the process's work on the
/// device. Differentiable once.
torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight,
                                   const torch::Tensor& targets,
                                   const std::optional<std::int64_t>& block_logits = std::nullopt);

}  // namespace aero::ops
