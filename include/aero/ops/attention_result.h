#pragma once

#include <torch/types.h>

namespace aero::ops {

/// What attention gives, with the entropy of its rows (ops/entropy_attention.h).
struct EntropyAttention {
  torch::Tensor output;   ///< [B, H, T, d_k], of the queries' dtype
  torch::Tensor entropy;  ///< [B, H, T] nats, float32 (float64 for float64); undefined unless asked
};

}  // namespace aero::ops
