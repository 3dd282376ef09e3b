#pragma once

#include "number_type.h"

#include <cstdint>

// What the CUDA kernels of LayerNorm and RMSNorm ask for. Plain types: they are compiled without
// LibTorch's headers, and this without CUDA's.

namespace aero::ops {

/// The kernels keep a row in registers.
inline constexpr std::int64_t widest_norm_row = 4096;

/// y = (x - mean) scale weight + bias of each row, scale = 1 / sqrt(mean((x - mean)^2) + eps).
/// RMSNorm has 0 for the mean, and no bias. All addresses here are multiples of 16 bytes.
struct CudaNorm {
  bool is_centred;      // LayerNorm
  NumberType output;    // of y and of its gradient; all else is float32
  const float* x;       // [rows, width]
  const float* weight;  // [width]
  const float* bias;    // the same, or null
  float eps;
  std::int64_t rows;
  int width;  // up to widest_norm_row
};

/// [rows]; from the forward pass for the backward pass.
struct CudaNormStatistics {
  float* mean;  // null under RMSNorm
  float* scale;
};

struct CudaNormGradients {
  const void* y;    // given
  float* x;         // these are to be filled
  float* weight;    // [width]
  float* bias;      // the same; null where there is no bias
  float* partials;  // room for norm_partials() numbers
};

/// Numbers in the sums that blocks make before one sum is made of them; for the current device.
std::int64_t norm_partials(const CudaNorm& norm);

/// Queued on `stream`, a cudaStream_t of the current device. Return what CUDA has against it,
/// nullptr for nothing. The same bits each time on one card: nothing is added by atomics.
const char* norm_rows(const CudaNorm& norm, void* y, const CudaNormStatistics& statistics,
                      void* stream);
const char* differentiate_norm_rows(const CudaNorm& norm, const CudaNormStatistics& statistics,
                                    const CudaNormGradients& gradients, void* stream);

}  // namespace aero::ops
