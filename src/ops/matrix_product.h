#pragma once

#include <torch/types.h>

// Matrix products on the CPU, for the shapes of training: many rows, by AVX-512. Sums are float32.

namespace aero::ops {

/// Tells whether matrix_product() takes these, and is faster than LibTorch with them: 2-D on the
/// CPU, not few rows, each in rows or, as x.t(), in columns of neighbouring numbers. left [m, k]
/// and right [k, n] are float32, or left is bfloat16 and right is either.
bool has_matrix_product(const torch::Tensor& left, const torch::Tensor& right);

/// Returns left right [m, n] in `dtype`, float32 or bfloat16. The factors are rounded to left's
/// dtype, and the sums are float32. They begin with `bias` [n] float32, unless it is undefined. The
/// result is the same to the bit for any number of threads.
torch::Tensor matrix_product(const torch::Tensor& left, const torch::Tensor& right,
                             torch::ScalarType dtype, const torch::Tensor& bias = {});

/// Adds left right to sum [m, n], which is float32 in rows of neighbouring numbers.
void add_matrix_product(torch::Tensor& sum, const torch::Tensor& left, const torch::Tensor& right);

/// Returns left right in `dtype`, by matrix_product() or else by LibTorch.
torch::Tensor product(const torch::Tensor& left, const torch::Tensor& right,
                      torch::ScalarType dtype);

}  // namespace aero::ops
