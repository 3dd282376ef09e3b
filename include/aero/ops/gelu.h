#pragma once

#include <torch/types.h>

namespace aero::ops {

/// The exact GELU is x Phi(x) (arXiv 1606.08415); the approximation by tanh is GPT-2's.
enum class GeluForm { exact, tanh };

/// Computes GELU of each number, as torch::gelu() does. On the CPU in bfloat16, a kernel of AERO's
/// computes it and its gradient in float32 and rounds once.
torch::Tensor gelu(const torch::Tensor& x, GeluForm form);

}  // namespace aero::ops
