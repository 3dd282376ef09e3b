#pragma once

#include <torch/types.h>

namespace aero::ops {

/// x in the dtype that autocast gives to matrix products on x's device; x itself where autocast is
/// off, or for float64. Cast once what several products take: autocast keeps no copies of
/// activations.
torch::Tensor to_autocast_dtype(const torch::Tensor& x);

}  // namespace aero::ops
