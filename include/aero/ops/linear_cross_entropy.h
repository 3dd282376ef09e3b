#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

namespace aero::ops {

/// The number of logits that the loss computes at a time on the CPU: 256 MiB in float32, 128 MiB in
/// bfloat16.
inline constexpr std::int64_t default_block_logits = std::int64_t{1} << 26;

/// Computes the mean of logsumexp(z_i) - z_i[target_i] in nats over the rows whose target is not
/// -100, where z = hidden weight^T. hidden [N, d], weight [V, d], targets [N] int64 -> scalar,
/// float32 (float64 for float64 input). NaN where no row has a target, as PyTorch's mean reduction.
///
/// Works through blocks of rows with about `block_logits` logits each (the default suits the
/// device), and computes the gradient in the same pass. So it keeps no [N, V] tensor in float32
/// between forward and backward. Products run in autocast's dtype where autocast is on. The softmax
/// is always float32 or wider, and so is the sum of the weight's gradient on CUDA and in AERO's own
/// products. Differentiable once, and backward() runs once.
///
/// Throws for a target outside the vocabulary. On CUDA, the host does not wait for this check: a
/// device assertion fails, after which the process cannot use the device.
torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight,
                                   const torch::Tensor& targets,
                                   const std::optional<std::int64_t>& block_logits = std::nullopt);

}  // namespace aero::ops
