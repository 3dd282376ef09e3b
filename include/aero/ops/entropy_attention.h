#pragma once

#include "aero/ops/attention_result.h"

#include <torch/types.h>

namespace aero::ops {

/// Computes causal softmax attention and the entropy of each of its rows:
///   s_ij = scale q_i . k_j / t_i (j <= i),  a_i = softmax(s_i),  output_i = sum_j a_ij v_j,
///   entropy_i = -sum_j a_ij log a_ij = logsumexp(s_i) - E_a[s_i]
/// queries, keys, values [B, H, T, d_k], with any strides over a contiguous last dimension;
/// temperature t [H, T] in float32 (or float64), or undefined for 1. Differentiable in all four,
/// through both results. With g, the gradient of the entropy:
///   ds = a (da - rowsum(a da)) - g a (s - E_a[s])
/// Keeps no T x T tensor from forward to backward. Sums are float32 under bfloat16 and float16.
///
/// AERO's kernels compute float32 and bfloat16 on the CPU, and, where CUDA kernels were compiled,
/// bfloat16 and float16 on CUDA for d_k = 32 and 64. Otherwise, LibTorch's fused kernels compute on
/// CUDA, except float64 and a d_k that is no multiple of 4. There the entropy is logsumexp(s_i)
/// minus a mean score and loses about |s| 2^-23 to cancellation. Without a temperature and for d_k
/// up to 96, it loses |s| 2^-9 in bfloat16 and |s| 2^-12 in float16. ATen operations compute the
/// rest.
EntropyAttention entropy_attention(const torch::Tensor& queries, const torch::Tensor& keys,
                                   const torch::Tensor& values, double scale,
                                   const torch::Tensor& temperature, bool with_entropy);

}  // namespace aero::ops
