#pragma once

#include "number_type.h"

#include <cstdint>

// What the CUDA kernel of the cross-entropy asks for. Plain types: it is compiled without
// LibTorch's headers, and this without CUDA's.

namespace aero::ops {

/// Rows of logits on a CUDA device, `vocabulary` of each row's `stride` columns in use. The address
/// is a multiple of 16 bytes, and so is a row.
struct CudaLogits {
  void* logits;
  NumberType type;
  std::int64_t rows;
  std::int64_t vocabulary;
  std::int64_t stride;
};

/// losses[i] = logsumexp(z_i) - z_i[target_i], in float32, and 0 where target_i is -100. With
/// `with_gradient` the logits become room (softmax(z_i) - onehot(target_i)), 0 for a row without a
/// target and in columns out of use; else they are left as they are. A NaN or +inf among the logits
/// of a row with a target gives a NaN. Queued on `stream`, a cudaStream_t of the current device.
/// Returns what CUDA has against it, nullptr for nothing.
const char* cross_entropy_rows(const CudaLogits& rows, const std::int64_t* targets, float room,
                               bool with_gradient, float* losses, void* stream);

}  // namespace aero::ops
