#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Casts x to the dtype that autocast gives to matrix products on x's device. Returns x itself
/// where autocast is off, and for float64. Use it once for an input of several products: autocast
/// keeps no copies of activations and would cast for each.
torch::Tensor to_autocast_dtype(const torch::Tensor& x);
/// Returns the dtype that to_autocast_dtype() gives x.
torch::ScalarType autocast_dtype(const torch::Tensor& x);

}  // namespace aero::ops
