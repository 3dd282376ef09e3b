#pragma once

#include "number_type.h"

#include <cstdint>

// The interface of a CUDA kernel; its types are plain, because nvcc compiles the kernel without
// LibTorch's headers, and callers are compiled without CUDA's.

namespace aero::ops {

/// A matrix on a CUDA device, row by row. The address is a multiple of 16 bytes.
struct CudaMatrix {
  const void* numbers;  // [rows, columns]
  NumberType type;
  std::int64_t rows;  // at least 1, as columns
  int columns;
};

/// Counts the numbers in the sums that blocks make on the current device.
std::int64_t column_sum_partials(const CudaMatrix& matrix);

/// Sums each column in float32. `partials` has room for column_sum_partials() numbers. Queues the
/// work on `stream`, a cudaStream_t of the current device, and returns CUDA's error message, or
/// nullptr. One card gives the same bits each time.
const char* column_sums(const CudaMatrix& matrix, float* sums, float* partials, void* stream);

}  // namespace aero::ops
