#pragma once

#include <cuda_runtime.h>

#include <cstdint>

// Blocks of a kernel sum what they see and write a partial each; another kernel adds these up, in
// the same order each time.

namespace aero::ops {

/// The blocks of add_partials() have so many threads, and take so many columns.
inline constexpr int partial_threads = 256;
inline constexpr int partial_columns = 32;

/// Adds up partials [gridDim.y, count, width], and writes the first sum [width] to `first`, the
/// second to `second`. A block adds up 32 columns; each of its 8 warps takes every eighth partial.
[[maybe_unused]] static __global__ void add_partials(const float* partials, int count, int width,
                                                     float* first, float* second) {
  constexpr int warps = partial_threads / partial_columns;
  __shared__ float of_warps[warps][partial_columns];
  const int lane = threadIdx.x % partial_columns;
  const int warp = threadIdx.x / partial_columns;
  const int column = blockIdx.x * partial_columns + lane;
  float sum = 0;
  if (column < width) {
    const float* const mine = partials + static_cast<std::int64_t>(blockIdx.y) * count * width;
#pragma unroll 4
    for (int i = warp; i < count; i += warps) {
      sum += mine[static_cast<std::int64_t>(i) * width + column];
    }
  }
  of_warps[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || column >= width) return;
  for (int i = 1; i < warps; ++i) sum += of_warps[i][lane];
  (blockIdx.y == 0 ? first : second)[column] = sum;
}

/// Tells how many blocks add up the columns of a partial.
inline unsigned blocks_of_partials(int width) {
  return static_cast<unsigned>((width + partial_columns - 1) / partial_columns);
}

}  // namespace aero::ops
