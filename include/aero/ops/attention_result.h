#pragma once

#include <torch/types.h>

namespace aero::ops {

/// The output of attention, and the entropy of its rows (ops/entropy_attention.h).
struct EntropyAttention {
  torch::Tensor output;   ///< [B, H, T, d_k], in the queries' dtype
  torch::Tensor entropy;  ///< [B, H, T] nats, float32 (or float64); undefined unless requested
};

}  // namespace aero::ops
