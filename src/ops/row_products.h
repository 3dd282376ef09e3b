#pragma once

#include <torch/types.h>

// Products of few rows by a weight, as generation computes them. Reading the weight takes most of
// their time, so it is read once, in place, for all rows.

namespace aero::ops {

/// Tells whether row_product() takes x, if the weight is of x's dtype.
bool may_have_row_product(const torch::Tensor& x);

/// Tells whether row_product() takes these: x [rows, in], fewer than 32 rows, and weight [out, in]
/// on the CPU, both float32 or both bfloat16, each row of neighbouring numbers.
bool has_row_product(const torch::Tensor& x, const torch::Tensor& weight);

/// Returns x weight^T + bias, [rows, out], in x's dtype. Sums are float32; `bias` [out] is float32
/// or undefined. The result is the same to the bit for any number of threads, and a row's does not
/// depend on the rows beside it.
torch::Tensor row_product(const torch::Tensor& x, const torch::Tensor& weight,
                          const torch::Tensor& bias);

}  // namespace aero::ops
