#include "column_sums.h"
#include "kernel_launch.h"
#include "partial_sums.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

// A warp goes down a strip of columns, of which each thread takes a pack. A block sums what its
// warps found and writes a partial; another kernel adds up the partials.

namespace aero::ops {
namespace {

constexpr int threads = 256;
constexpr int warp_size = 32;
constexpr int warps = threads / warp_size;
constexpr int blocks_a_multiprocessor = 4;  // so that enough loads are on their way

/// The numbers that a thread loads at once: 16 bytes, or one where rows are not whole packs.
template <class T, int size_>
struct alignas(size_ * sizeof(T)) Pack {
  static constexpr int size = size_;
  T values[size];
};

template <class P>
constexpr int strip = warp_size* P::size;

template <class P>
__global__ void __launch_bounds__(threads)
    sum_columns(const P* packs, std::int64_t rows, int columns, float* partials) {
  __shared__ float of_warps[warps][strip<P>];
  const int lane = threadIdx.x % warp_size;
  const int warp = threadIdx.x / warp_size;
  const int packs_a_row = columns / P::size;
  const int pack = blockIdx.x * warp_size + lane;
  float sums[P::size] = {};
  if (pack < packs_a_row) {
    const std::int64_t stride = static_cast<std::int64_t>(gridDim.y) * warps;
#pragma unroll 4
    for (std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * warps + warp; row < rows;
         row += stride) {
      const P found = packs[row * packs_a_row + pack];
#pragma unroll
      for (int j = 0; j < P::size; ++j) sums[j] += widen(found.values[j]);
    }
  }
#pragma unroll
  for (int j = 0; j < P::size; ++j) of_warps[warp][lane * P::size + j] = sums[j];
  __syncthreads();
  float* const partial = partials + static_cast<std::int64_t>(blockIdx.y) * columns;
  for (int i = threadIdx.x; i < strip<P>; i += threads) {
    const int column = blockIdx.x * strip<P> + i;
    if (column >= columns) continue;
    float sum = 0;
    for (int j = 0; j < warps; ++j) sum += of_warps[j][i];
    partial[column] = sum;
  }
}

/// Returns use(pack) for an empty pack of the matrix.
template <class Use>
auto with_pack(const CudaMatrix& matrix, Use use) {
  const auto of = [&](auto number) {
    using T = decltype(number);
    constexpr int whole = 16 / sizeof(T);
    return matrix.columns % whole == 0 ? use(Pack<T, whole>()) : use(Pack<T, 1>());
  };
  return with_number(matrix.type, of);
}

dim3 blocks_for(const CudaMatrix& matrix) {
  const int strips = with_pack(matrix, [&](auto pack) {
    return (matrix.columns + strip<decltype(pack)> - 1) / strip<decltype(pack)>;
  });
  const std::int64_t resident = blocks_a_multiprocessor * multiprocessors() / strips;
  const std::int64_t useful = (matrix.rows + warps - 1) / warps;
  return dim3(static_cast<unsigned>(strips),
              static_cast<unsigned>(std::clamp<std::int64_t>(resident, 1, useful)));
}

}  // namespace

std::int64_t column_sum_partials(const CudaMatrix& matrix) {
  return static_cast<std::int64_t>(blocks_for(matrix).y) * matrix.columns;
}

const char* column_sums(const CudaMatrix& matrix, float* sums, float* partials, void* stream) {
  const auto blocks = blocks_for(matrix);
  const auto config = launch_config(blocks, threads, stream);
  const auto error = with_pack(matrix, [&](auto pack) {
    using P = decltype(pack);
    return cudaLaunchKernelEx(&config, sum_columns<P>, static_cast<const P*>(matrix.numbers),
                              matrix.rows, matrix.columns, partials);
  });
  if (error != cudaSuccess) return error_text(error);
  const auto last = launch_config(blocks_of_partials(matrix.columns), partial_threads, stream);
  const float* const given = partials;
  float* const second = nullptr;
  return error_text(cudaLaunchKernelEx(&last, add_partials, given, static_cast<int>(blocks.y),
                                       matrix.columns, sums, second));
}

}  // namespace aero::ops
