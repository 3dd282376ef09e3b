#pragma once

#include "number_type.h"

#include <cstdint>

// The interface of the cross-entropy's CUDA kernel. It has plain types only, because nvcc compiles
// the kernel without LibTorch's headers, and callers are compiled without CUDA's.

namespace aero::ops {

/// Rows of logits on a CUDA device. Each row uses `vocabulary` of its `stride` columns. The address
/// and the length of a row are multiples of 16 bytes.
struct CudaLogits {
  void* logits;
  NumberType type;
  std::int64_t rows;
  std::int64_t vocabulary;
  std::int64_t stride;
};

/// Sets losses[i] = logsumexp(z_i) - z_i[target_i], in float32, and 0 where target_i is -100. With
/// `with_gradient`, replaces the logits by room (softmax(z_i) - onehot(target_i)), with 0 in a row
/// without a target and in unused columns. A NaN or +inf among the logits of a row with a target
/// gives a NaN. Queues the work on `stream`, a cudaStream_t of the current device. Returns CUDA's
/// error, or nullptr.
const char* cross_entropy_rows(const CudaLogits& rows, const std::int64_t* targets, float room,
                               bool with_gradient, float* losses, void* stream);

}  // namespace aero::ops
