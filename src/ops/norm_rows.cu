#include "kernel_launch.h"
#include "norm_rows.h"
#include "partial_sums.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

// The threads that share a row keep it in registers. So the forward pass reads x once from device
// memory, also where it first adds a branch; the backward pass reads x and y's gradient once. In
// the backward pass a block goes through many rows and sums the gradients of weight and bias on the
// way; a second kernel adds up the sums of the blocks. Each step loads all that it needs before it
// stores, for the compiler lets no load pass a store.

namespace aero::ops {
namespace {

constexpr int warp_size = 32;
constexpr int threads = 256;
constexpr int warps = threads / warp_size;
constexpr int blocks_a_multiprocessor = 2;  // of the backward pass

/// Says how a block lies on its rows: `row_threads` threads share a row, each takes up to `packs`
/// packs of it, and a thread loads and stores the `pack` numbers of a pack at once. A pack of 4
/// needs rows of whole packs that begin on 16 bytes.
template <int row_threads_, int packs_, int pack_>
struct Layout {
  static constexpr int row_threads = row_threads_;
  static constexpr int packs = packs_;
  static constexpr int pack = pack_;
  static constexpr int rows = threads / row_threads;
  static constexpr int widest = row_threads * packs * pack;
};

template <class L, class T>
struct alignas(L::pack * sizeof(T)) Pack {
  T values[L::pack];
};

template <class L>
struct Place {
  int row = threadIdx.x / L::row_threads;
  int first = threadIdx.x % L::row_threads * L::pack;

  /// Tells where pack i of this thread begins.
  __device__ int column(int i) const { return first + i * L::row_threads * L::pack; }
};

/// Gives zeros beyond the end of the row.
template <class L, class T>
__device__ Pack<L, T> load(const T* row, int column, int width) {
  if (column < width) return *reinterpret_cast<const Pack<L, T>*>(row + column);
  return {};
}

template <class L, class T>
__device__ void store(const Pack<L, T>& pack, T* row, int column, int width) {
  if (column < width) *reinterpret_cast<Pack<L, T>*>(row + column) = pack;
}

/// Rounds each sum, also where the compiler sees that one number is a product.
template <class L, class T>
__device__ void add(Pack<L, float>& sum, const Pack<L, T>& more) {
#pragma unroll
  for (int j = 0; j < L::pack; ++j) sum.values[j] = __fadd_rn(sum.values[j], widen(more.values[j]));
}

template <class L, class T>
__device__ Pack<L, T> rounded(const Pack<L, float>& pack) {
  Pack<L, T> out;
#pragma unroll
  for (int j = 0; j < L::pack; ++j) out.values[j] = narrow<T>(pack.values[j]);
  return out;
}

/// Each becomes the sum over all threads that share the row.
template <class L, int count>
__device__ void add_over_row(float (&x)[count]) {
#pragma unroll
  for (int k = 0; k < count; ++k) {
#pragma unroll
    for (int step = warp_size / 2; step > 0; step /= 2) {
      x[k] += __shfl_xor_sync(~0U, x[k], step);
    }
  }
  if constexpr (L::row_threads > warp_size) {
    constexpr int row_warps = L::row_threads / warp_size;
    __shared__ float of_warps[count][warps];
    const int first = threadIdx.x / L::row_threads * row_warps;
    __syncthreads();  // until all have read what stood there
#pragma unroll
    for (int k = 0; k < count; ++k) {
      if (threadIdx.x % warp_size == 0) of_warps[k][threadIdx.x / warp_size] = x[k];
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < count; ++k) {
      x[k] = 0;
#pragma unroll
      for (int i = 0; i < row_warps; ++i) x[k] += of_warps[k][first + i];
    }
  }
}

/// Adds the branch to x, and stores the sum.
template <class L, class T>
__device__ void add_branch(const CudaNormSum& with, const Place<L>& place, std::int64_t offset,
                           int width, Pack<L, float> (&x)[L::packs]) {
  Pack<L, T> branch[L::packs];
#pragma unroll
  for (int i = 0; i < L::packs; ++i) {
    branch[i] = load<L>(static_cast<const T*>(with.branch) + offset, place.column(i), width);
  }
#pragma unroll
  for (int i = 0; i < L::packs; ++i) {
    add(x[i], branch[i]);
    store<L>(x[i], with.sum + offset, place.column(i), width);
  }
}

template <class L, class T>
__global__ void __launch_bounds__(threads)
    normalize(const CudaNorm norm, const CudaNormSum with, T* __restrict__ y,
              const CudaNormStatistics statistics) {
  const Place<L> place;
  const std::int64_t i_row = static_cast<std::int64_t>(blockIdx.x) * L::rows + place.row;
  const std::int64_t offset = i_row * norm.width;
  const int width = i_row < norm.rows ? norm.width : 0;  // a row beyond the last is empty
  Pack<L, float> x[L::packs];
  float sum[1] = {};
#pragma unroll
  for (int i = 0; i < L::packs; ++i) {
    x[i] = load<L>(norm.x + offset, place.column(i), width);
  }
  if (with.branch != nullptr) add_branch<L, T>(with, place, offset, width, x);
#pragma unroll
  for (int i = 0; i < L::packs; ++i) {
#pragma unroll
    for (int j = 0; j < L::pack; ++j) sum[0] += x[i].values[j];
  }
  add_over_row<L>(sum);
  const float mean = norm.is_centred ? sum[0] / norm.width : 0;
  float squares[1] = {};  // of centred numbers, so that a large mean costs no digits
#pragma unroll
  for (int i = 0; i < L::packs; ++i) {
    if (place.column(i) >= width) continue;
#pragma unroll
    for (int j = 0; j < L::pack; ++j) {
      const float centred = x[i].values[j] - mean;
      squares[0] += centred * centred;
    }
  }
  add_over_row<L>(squares);
  const float scale = 1 / sqrtf(squares[0] / norm.width + norm.eps);

#pragma unroll
  for (int i = 0; i < L::packs; ++i) {
    const int column = place.column(i);
    const auto weight = load<L>(norm.weight, column, width);
    const auto bias = load<L>(norm.bias, column, norm.bias == nullptr ? 0 : width);
    Pack<L, T> out;
#pragma unroll
    for (int j = 0; j < L::pack; ++j) {
      const float normal = (x[i].values[j] - mean) * scale;
      out.values[j] = narrow<T>(normal * weight.values[j] + bias.values[j]);
    }
    store<L>(out, y + offset, column, width);
  }
  if (place.first > 0 || width == 0) return;
  if (norm.is_centred) statistics.mean[i_row] = mean;
  statistics.scale[i_row] = scale;
}

/// With n = (x - mean) scale and g = dy weight, it computes
///   dx = dsum + scale (g - mean(g) - n mean(g n))
/// without mean(g) under RMSNorm, and without dsum where there is none. The partials are
/// [2, blocks, width], first those of the weight, then those of the bias.
template <class L, class T>
__global__ void __launch_bounds__(threads, blocks_a_multiprocessor)
    differentiate(const CudaNorm norm, const CudaNormStatistics statistics,
                  const CudaNormGradients gradients) {
  const Place<L> place;
  Pack<L, float> weight_sum[L::packs] = {};
  Pack<L, float> bias_sum[L::packs] = {};
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * L::rows;
  // All threads of a block take the same turns, for they wait for each other.
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * L::rows; first < norm.rows;
       first += stride) {
    const std::int64_t i_row = first + place.row;
    const std::int64_t offset = i_row * norm.width;
    const int width = i_row < norm.rows ? norm.width : 0;
    const auto* const dy = static_cast<const T*>(gradients.y) + offset;
    const float mean = norm.is_centred && width > 0 ? statistics.mean[i_row] : 0;
    const float scale = width > 0 ? statistics.scale[i_row] : 0;
    Pack<L, float> n[L::packs];  // x at first
    Pack<L, float> g[L::packs];  // dy at first
#pragma unroll
    for (int i = 0; i < L::packs; ++i) {
      n[i] = load<L>(norm.x + offset, place.column(i), width);
      const auto given = load<L>(dy, place.column(i), width);
#pragma unroll
      for (int j = 0; j < L::pack; ++j) g[i].values[j] = widen(given.values[j]);
    }
    float sums[2] = {};  // of g, and of g n
#pragma unroll
    for (int i = 0; i < L::packs; ++i) {
      const auto weight = load<L>(norm.weight, place.column(i), width);
#pragma unroll
      for (int j = 0; j < L::pack; ++j) {
        float& n_j = n[i].values[j];
        float& g_j = g[i].values[j];
        n_j = (n_j - mean) * scale;
        weight_sum[i].values[j] += g_j * n_j;
        bias_sum[i].values[j] += g_j;
        g_j *= weight.values[j];
        sums[0] += g_j;
        sums[1] += g_j * n_j;
      }
    }
    add_over_row<L>(sums);
    const float g_mean = norm.is_centred ? sums[0] / norm.width : 0;
    const float product_mean = sums[1] / norm.width;
#pragma unroll
    for (int i = 0; i < L::packs; ++i) {
#pragma unroll
      for (int j = 0; j < L::pack; ++j) {
        n[i].values[j] = scale * (g[i].values[j] - g_mean - n[i].values[j] * product_mean);
      }
      if (gradients.sum != nullptr) {
        g[i] = load<L>(gradients.sum + offset, place.column(i), width);  // dsum from here on
      }
    }
#pragma unroll
    for (int i = 0; i < L::packs; ++i) {
      const int column = place.column(i);
      if (gradients.sum != nullptr) add(n[i], g[i]);
      store<L>(n[i], gradients.x + offset, column, width);
      if (gradients.branch == nullptr) continue;
      store<L>(rounded<L, T>(n[i]), static_cast<T*>(gradients.branch) + offset, column, width);
    }
  }

  __shared__ Pack<L, float> weight_sums[L::widest / L::pack];
  __shared__ Pack<L, float> bias_sums[L::widest / L::pack];
  for (int turn = 0; turn < L::rows; ++turn) {
    if (turn == place.row) {
#pragma unroll
      for (int i = 0; i < L::packs; ++i) {
        const int at = place.column(i) / L::pack;
        if (turn > 0) {
          add(weight_sum[i], weight_sums[at]);
          add(bias_sum[i], bias_sums[at]);
        }
        weight_sums[at] = weight_sum[i];
        bias_sums[at] = bias_sum[i];
      }
    }
    __syncthreads();
  }
  float* const weight = gradients.partials + static_cast<std::int64_t>(blockIdx.x) * norm.width;
  float* const bias = weight + static_cast<std::int64_t>(gridDim.x) * norm.width;
  for (int at = threadIdx.x; at * L::pack < norm.width; at += threads) {
    store<L>(weight_sums[at], weight, at * L::pack, norm.width);
    store<L>(bias_sums[at], bias, at * L::pack, norm.width);
  }
}

/// Returns use(layout) for the fastest layout that holds such rows.
template <class Use>
auto with_layout(const CudaNorm& norm, Use use) {
  if (norm.width % 4 != 0) return use(Layout<256, 16, 1>());
  if (norm.width <= Layout<32, 4, 4>::widest) return use(Layout<32, 4, 4>());
  if (norm.width <= Layout<32, 6, 4>::widest) return use(Layout<32, 6, 4>());
  if (norm.width <= Layout<64, 4, 4>::widest) return use(Layout<64, 4, 4>());
  if (norm.width <= Layout<128, 4, 4>::widest) return use(Layout<128, 4, 4>());
  return use(Layout<256, 4, 4>());
}

std::int64_t blocks_for(const CudaNorm& norm) {
  return with_layout(norm, [&](auto layout) -> std::int64_t {
    return (norm.rows + layout.rows - 1) / layout.rows;
  });
}

/// Counts the blocks of the backward pass: as many as run at the same time.
std::int64_t resident_blocks_for(const CudaNorm& norm) {
  return std::min<std::int64_t>(blocks_for(norm), blocks_a_multiprocessor * multiprocessors());
}

}  // namespace

std::int64_t norm_partials(const CudaNorm& norm) {
  return 2 * resident_blocks_for(norm) * norm.width;
}

const char* norm_rows(const CudaNorm& norm, const CudaNormSum& sum, void* y,
                      const CudaNormStatistics& statistics, void* stream) {
  const auto config = launch_config(static_cast<unsigned>(blocks_for(norm)), threads, stream);
  return error_text(with_layout(norm, [&](auto layout) {
    return with_number(norm.output, [&](auto number) {
      using T = decltype(number);
      return cudaLaunchKernelEx(&config, normalize<decltype(layout), T>, norm, sum,
                                static_cast<T*>(y), statistics);
    });
  }));
}

const char* differentiate_norm_rows(const CudaNorm& norm, const CudaNormStatistics& statistics,
                                    const CudaNormGradients& gradients, void* stream) {
  const auto blocks = static_cast<unsigned>(resident_blocks_for(norm));
  const auto config = launch_config(blocks, threads, stream);
  const auto error = with_layout(norm, [&](auto layout) {
    return with_number(norm.output, [&](auto number) {
      return cudaLaunchKernelEx(&config, differentiate<decltype(layout), decltype(number)>, norm,
                                statistics, gradients);
    });
  });
  if (error != cudaSuccess) return error_text(error);
  const dim3 sum_blocks(blocks_of_partials(norm.width), gradients.bias == nullptr ? 1 : 2);
  const auto sums = launch_config(sum_blocks, partial_threads, stream);
  const float* const partials = gradients.partials;
  return error_text(cudaLaunchKernelEx(&sums, add_partials, partials, static_cast<int>(blocks),
                                       norm.width, gradients.weight, gradients.bias));
}

}  // namespace aero::ops
