#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Tells whether cached_attention() takes these: T = 1, float32 or bfloat16 on the CPU, each head's
/// numbers side by side.
bool has_cached_attention(const torch::Tensor& queries, const torch::Tensor& keys,
                          const torch::Tensor& values);

/// Computes softmax(scale q K^T) V for one query of each row, [B, H, 1, d_k], over the first
/// lengths[i] of its keys and values [B, H, S, d_k], or over all S where `lengths` [B] int64 is
/// undefined. Sums are float32. Returns [B, H, 1, d_k] in the queries' dtype. Has no gradient. A
/// kernel of AERO's: for so few numbers, LibTorch's products take longer to set up than to compute.
torch::Tensor cached_attention(const torch::Tensor& queries, const torch::Tensor& keys,
                               const torch::Tensor& values, const torch::Tensor& lengths,
                               double scale);

}  // namespace aero::ops
