#pragma once

#include <torch/types.h>

#include <cstdint>

// The ways to compute the cross-entropy of rows of logits, and its gradient. logits [n, columns]
// are contiguous and use the first `vocabulary` columns; targets [n] int64 are contiguous.

namespace aero::ops {

constexpr std::int64_t ignored_target = -100;

struct CrossEntropyRows {
  torch::Tensor losses;    // [n], float32 or wider; 0 for a row without a target
  torch::Tensor gradient;  // room (softmax - onehot), 0 in unused columns; stored in place of the
                           // logits, undefined unless requested
};

/// Computes it on any device, for any dtype. In a row without a target, the gradient has no
/// meaning: it is cheaper to leave such rows out of the products made from it.
CrossEntropyRows cross_entropy_by_operations(const torch::Tensor& logits, std::int64_t vocabulary,
                                             const torch::Tensor& targets, double room,
                                             bool with_gradient);

/// Computes it by kernels, for float32 and bfloat16 on the CPU, and, where CUDA kernels were
/// compiled, for all dtypes but float64 on CUDA, in rows of whole packs of 16 bytes. A row without
/// a target has the gradient 0.
bool has_cross_entropy_kernel(const torch::Tensor& logits);
CrossEntropyRows cross_entropy_by_kernel(const torch::Tensor& logits, std::int64_t vocabulary,
                                         const torch::Tensor& targets, double room,
                                         bool with_gradient);

}  // namespace aero::ops
