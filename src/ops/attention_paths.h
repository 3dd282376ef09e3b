#pragma once

#include "aero/ops/attention_result.h"

#include <torch/types.h>

#include <cstdint>
#include <optional>

// The ways to compute entropy_attention. All but the last work without autograd, and take the
// temperature as a part of each row's scale.

namespace aero::ops {

struct AttentionInputs {
  torch::Tensor queries;  // [B, H, T, d_k], as keys and values
  torch::Tensor keys;
  torch::Tensor values;
  torch::Tensor row_scale;  // [H, T], scale / t: float32, or float64 for float64
};

/// All but the output are [B, H, T], in the dtype of row_scale.
struct AttentionRows {
  torch::Tensor output;
  torch::Tensor largest;  // max s
  torch::Tensor log_sum;  // log sum e^(s - largest)
  torch::Tensor mean;     // E_a[s] - largest; the entropy is log_sum - mean, without cancellation
};

struct AttentionGradients {
  torch::Tensor queries;
  torch::Tensor keys;
  torch::Tensor values;           // undefined without a gradient of the output
  torch::Tensor temperature_sum;  // [B, H, T], sum_j ds_ij s_ij = - t_i dt_i
};

/// One of the two gradients may be undefined, but not both.
struct ResultGradients {
  torch::Tensor output;
  torch::Tensor entropy;
};

/// Makes an empty [B, H, T, d_k] that is [B, T, H, d_k] in memory, so that merging heads is free.
inline torch::Tensor empty_heads(const torch::Tensor& like, torch::ScalarType dtype) {
  return torch::empty({like.size(0), like.size(2), like.size(1), like.size(3)},
                      like.options().dtype(dtype))
      .transpose(1, 2);
}

/// Computes it by ATen operations, on any device and dtype, in blocks of query rows with about
/// `block_scores` scores each.
constexpr std::int64_t default_block_scores = std::int64_t{1} << 24U;
AttentionRows attention_by_operations(const AttentionInputs& inputs, std::int64_t block_scores);
AttentionGradients differentiate_by_operations(const AttentionInputs& inputs,
                                               const AttentionRows& rows,
                                               const ResultGradients& gradients,
                                               std::int64_t block_scores);

/// Computes it by the kernel for float32 and bfloat16 on the CPU.
bool has_attention_kernel(const torch::Tensor& queries);
AttentionRows attention_by_kernel(const AttentionInputs& inputs);
AttentionGradients differentiate_by_kernel(const AttentionInputs& inputs, const AttentionRows& rows,
                                           const ResultGradients& gradients);

/// Returns [B, H, T, d_k] as CUDA kernels read it: contiguous in the last dimension, with rows
/// aligned to 16 bytes.
inline torch::Tensor aligned(const torch::Tensor& x) {
  const auto pack = 16 / x.element_size();
  bool fits = x.stride(3) == 1 && reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % 16 == 0;
  for (std::int64_t i = 0; i < 3; ++i) fits = fits && x.stride(i) % pack == 0;
  return fits ? x : empty_heads(x, x.scalar_type()).copy_(x);
}

/// Computes it by the kernel for bfloat16 and float16 on CUDA from sm_80 on, for d_k 32 or 64,
/// where CUDA kernels were compiled.
bool has_cuda_attention_kernel(const torch::Tensor& queries);
AttentionRows attention_by_cuda_kernel(const AttentionInputs& inputs);
AttentionGradients differentiate_by_cuda_kernel(const AttentionInputs& inputs,
                                                const AttentionRows& rows,
                                                const ResultGradients& gradients);

/// Computes it by LibTorch's fused attention on the queries' device, with autograd. Returns nothing
/// where no kernel takes the inputs. On CUDA, uses flash for bfloat16 and float16 without a
/// temperature, if d_k is a multiple of 8 and, with entropy, at most 96; the efficient kernel in
/// float32 otherwise. On the CPU, which only tests use, takes LibTorch's flash attention in any
/// dtype.
std::optional<EntropyAttention> attention_by_fused_kernels(
    const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
    double scale, const torch::Tensor& temperature, bool with_entropy);

}  // namespace aero::ops
