#pragma once

#include <torch/types.h>

#include <cstdint>

// The ways from logits to the cross-entropy of their rows and its gradient. logits [n, columns],
// contiguous, of which the first `vocabulary` columns are in use; targets [n] int64, contiguous.

namespace aero::ops {

constexpr std::int64_t ignored_target = -100;

struct CrossEntropyRows {
  torch::Tensor losses;    // [n], float32 or wider; 0 for a row without a target
  torch::Tensor gradient;  // room (softmax - onehot), 0 in columns out of use; in place of the
                           // logits, undefined where not asked for
};

/// On any device, for any dtype. A row without a target has the gradient of another: to leave it
/// out of what is made of the gradient takes smaller sweeps.
CrossEntropyRows cross_entropy_by_operations(const torch::Tensor& logits, std::int64_t vocabulary,
                                             const torch::Tensor& targets, double room,
                                             bool with_gradient);

/// Float32 and bfloat16 on the CPU; where CUDA kernels were compiled, all but float64 on CUDA, in
/// rows of whole packs of 16 bytes. A row without a target has the gradient 0.
bool has_cross_entropy_kernel(const torch::Tensor& logits);
CrossEntropyRows cross_entropy_by_kernel(const torch::Tensor& logits, std::int64_t vocabulary,
                                         const torch::Tensor& targets, double room,
                                         bool with_gradient);

}  // namespace aero::ops
