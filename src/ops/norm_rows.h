#pragma once

#include "number_type.h"

#include <cstdint>

// The CUDA kernels of LayerNorm and RMSNorm take what stands here. The types are plain, for the
// kernels are compiled without LibTorch's headers, and their callers without CUDA's.

namespace aero::ops {

/// The kernels keep a row in registers, so its width is limited.
inline constexpr std::int64_t widest_norm_row = 4096;

/// Describes y = (x - mean) scale weight + bias, where each row has its
/// scale = 1 / sqrt(mean((x - mean)^2) + eps). RMSNorm has the mean 0 and no bias. All addresses
/// here are multiples of 16 bytes.
struct CudaNorm {
  bool is_centred;      // LayerNorm
  NumberType output;    // of y, of its gradient and of branches; all else is float32
  const float* x;       // [rows, width]
  const float* weight;  // [width]
  const float* bias;    // the same, or null
  float eps;
  std::int64_t rows;
  int width;  // up to widest_norm_row
};

/// The forward pass leaves these for the backward pass; [rows].
struct CudaNormStatistics {
  float* mean;  // null under RMSNorm
  float* scale;
};

/// A norm of x + branch takes these. Without them it is a norm of x.
struct CudaNormSum {
  const void* branch;  // [rows, width]
  float* sum;          // the same, to be filled; the backward pass takes it as x
};

struct CudaNormGradients {
  const void* y;     // given
  const float* sum;  // given: what other readers of the norm's input add to its gradient; or null
  void* branch;      // to be filled with x's gradient in the branch's type; or null
  float* x;          // these are to be filled
  float* weight;     // [width]
  float* bias;       // the same; null where there is no bias
  float* partials;   // room for norm_partials() numbers
};

/// Counts the numbers in the sums that blocks make on the current device, before a second kernel
/// adds these up.
std::int64_t norm_partials(const CudaNorm& norm);

/// These queue their work on `stream`, a cudaStream_t of the current device, and return CUDA's
/// error message, or nullptr. One card gives the same bits each time, for nothing is added by
/// atomics.
const char* norm_rows(const CudaNorm& norm, const CudaNormSum& sum, void* y,
                      const CudaNormStatistics& statistics, void* stream);
const char* differentiate_norm_rows(const CudaNorm& norm, const CudaNormStatistics& statistics,
                                    const CudaNormGradients& gradients, void* stream);

}  // namespace aero::ops
