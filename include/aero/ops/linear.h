#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Computes y = x weight^T + bias as torch::linear() does: x [..., in], weight [out, in], bias
/// [out] or undefined.
///
/// On CUDA under autocast, where nvcc compiled it, a kernel of AERO's sums the gradient of the bias
/// in float32, with the same bits each time. On the CPU, AERO's own products compute float32 and,
/// under autocast, bfloat16, where the processor has AVX-512 and the rows are many (matrix_product.h
/// in src/ops). They read the weight in float32, and the weight and the bias get gradients that are
/// summed in float32. In both cases it can be differentiated once. Where no gradient is wanted, fewer
/// than 32 rows have a product of their own (row_products.h in src/ops).
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias);

/// Sums all dimensions of x [..., n] but the last: [n]. AERO's kernel gives it in float32, PyTorch,
/// which computes it elsewhere, in x's dtype.
torch::Tensor column_sums(const torch::Tensor& x);

}  // namespace aero::ops
