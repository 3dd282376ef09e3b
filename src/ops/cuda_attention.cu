#include "cuda_attention.h"
#include "half_numbers.h"
#include "tensor_cores.h"

#include <cuda_runtime.h>

// A block computes a tile of 64 rows of one head, 16 rows per warp, and goes through the tiles of
// the other side. In the forward pass and for the queries' gradient, a tile of queries goes through
// the keys before it. For the gradients of keys and values, a tile of keys goes through the queries
// after it, on S^T, so that blocks share no sum. Products take 16-bit numbers and have float32
// sums. Scores s, their softmax a, and the gradient ds = a (da - D - g (s - E)) are float32 until
// the next product.

namespace aero::ops {
namespace {

using tensor_cores::load_matrices;
using tensor_cores::load_transposed;
using tensor_cores::multiply;
using tensor_cores::packed;

constexpr int tile_rows = 64;
constexpr int warp_rows = 16;
constexpr int warp_size = 32;
constexpr int threads = tile_rows / warp_rows * warp_size;
constexpr int column_groups = tile_rows / 8;  // of 8 columns each, as in results of tensor cores

template <class T>
__device__ unsigned pack(float low, float high) {
  return packed(narrow<T>(low), narrow<T>(high));
}

/// Rows in shared memory, each with eight numbers of padding, so that eight rows lie in different
/// banks.
template <class T, int width>
struct Tile {
  alignas(16) T rows[tile_rows][width + 8];
};

/// The rows of one head of one sequence.
template <class T>
struct Rows {
  T* first;
  std::int64_t stride;
  int length;
};

template <class T>
__device__ Rows<T> rows_of(const CudaHeads& heads, int length) {
  return {static_cast<T*>(heads.data) + blockIdx.z * heads.batch + blockIdx.y * heads.head,
          heads.row, length};
}

/// Returns where the numbers of this head's rows begin in [B, H, T].
__device__ std::int64_t row_offset(const CudaAttention& inputs) {
  return (static_cast<std::int64_t>(blockIdx.z) * inputs.heads + blockIdx.y) * inputs.length;
}

struct alignas(16) Words {
  unsigned words[4];
};

/// Loads a tile, with zeros beyond the last row.
template <class T, int width>
__device__ void load(Tile<T, width>& tile, const Rows<T>& from, int start) {
  constexpr int pieces = width / 8;
#pragma unroll
  for (int piece = 0; piece < tile_rows * pieces / threads; ++piece) {
    const int i = piece * threads + threadIdx.x;
    const int row = i / pieces;
    const int column = i % pieces * 8;
    Words words{};
    if (start + row < from.length) {
      words = *reinterpret_cast<const Words*>(from.first + (start + row) * from.stride + column);
    }
    *reinterpret_cast<Words*>(&tile.rows[row][column]) = words;
  }
}

template <class T, int width>
__device__ void store(const Tile<T, width>& tile, const Rows<T>& to, int start) {
  constexpr int pieces = width / 8;
  for (int i = threadIdx.x; i < tile_rows * pieces; i += threads) {
    const int row = i / pieces;
    const int column = i % pieces * 8;
    if (start + row >= to.length) continue;
    *reinterpret_cast<Words*>(to.first + (start + row) * to.stride + column) =
        *reinterpret_cast<const Words*>(&tile.rows[row][column]);
  }
}

/// This thread's place in a result of the tensor cores: rows `row` and `row + 8` of the tile,
/// columns `column` and `column + 1` of each group of 8.
struct Place {
  int lane = threadIdx.x % warp_size;
  int warp_row = threadIdx.x / warp_size * warp_rows;
  int row = warp_row + lane / 4;
  int column = lane % 4 * 2;
};

/// A warp's 16 rows of a tile, as a left factor.
template <int width>
struct Operand {
  unsigned words[width / 16][4];
};

template <class T, int width>
__device__ void load(Operand<width>& operand, const Tile<T, width>& tile, const Place& place) {
#pragma unroll
  for (int k = 0; k < width / 16; ++k) {
    load_matrices(operand.words[k],
                  &tile.rows[place.warp_row + place.lane % 16][16 * k + place.lane / 16 * 8]);
  }
}

/// Products of a warp's 16 rows with the 64 rows of a tile.
using Products = float[column_groups][4];

template <class T, int width>
__device__ void multiply_by_rows(Products& result, const Operand<width>& operand,
                                 const Tile<T, width>& tile, const Place& place) {
#pragma unroll
  for (int n = 0; n < column_groups; ++n) {
    for (int i = 0; i < 4; ++i) result[n][i] = 0;
  }
#pragma unroll
  for (int k = 0; k < width / 16; ++k) {
#pragma unroll
    for (int n = 0; n < column_groups; n += 2) {
      unsigned b[4];
      load_matrices(b, &tile.rows[8 * n + place.lane / 16 * 8 + place.lane % 8]
                                 [16 * k + place.lane / 8 % 2 * 8]);
      multiply<T>(result[n], operand.words[k], b[0], b[1]);
      multiply<T>(result[n + 1], operand.words[k], b[2], b[3]);
    }
  }
}

/// Adds to `sum` the product of weights [16, 64], rounded to T, with the columns of a tile.
template <class T, int width>
__device__ void add_weighted(float (&sum)[width / 8][4], const Products& weights,
                             const Tile<T, width>& tile, const Place& place) {
#pragma unroll
  for (int k = 0; k < tile_rows / 16; ++k) {
    const unsigned a[4] = {pack<T>(weights[2 * k][0], weights[2 * k][1]),
                           pack<T>(weights[2 * k][2], weights[2 * k][3]),
                           pack<T>(weights[2 * k + 1][0], weights[2 * k + 1][1]),
                           pack<T>(weights[2 * k + 1][2], weights[2 * k + 1][3])};
#pragma unroll
    for (int n = 0; n < width / 8; n += 2) {
      unsigned b[4];
      load_transposed(b, &tile.rows[16 * k + place.lane % 16][8 * n + place.lane / 16 * 8]);
      multiply<T>(sum[n], a, b[0], b[1]);
      multiply<T>(sum[n + 1], a, b[2], b[3]);
    }
  }
}

/// Stores a result by way of a tile that is free.
template <class T, int width>
__device__ void store(const float (&sum)[width / 8][4], Tile<T, width>& tile, const Rows<T>& to,
                      int start, const Place& place) {
  __syncthreads();
#pragma unroll
  for (int n = 0; n < width / 8; ++n) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      *reinterpret_cast<unsigned*>(&tile.rows[place.row + 8 * half][8 * n + place.column]) =
          pack<T>(sum[n][2 * half], sum[n][2 * half + 1]);
    }
  }
  __syncthreads();
  store(tile, to, start);
}

/// Returns the largest x of the four threads that share a row.
__device__ float largest_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0U, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0U, x, 2));
}
__device__ float sum_of_row(float x) {
  x += __shfl_xor_sync(~0U, x, 1);
  return x + __shfl_xor_sync(~0U, x, 2);
}

/// The numbers of a row of scores in the backward pass. They are 0 for rows beyond the last, as are
/// their query and output's gradient, so that such rows add nothing.
struct Row {
  float scale = 0;
  float largest = 0;
  float log_sum = 0;
  float mean = 0;
  float entropy_gradient = 0;
  float dot = 0;
};

/// The weight of a query and a key, and the gradient of their score.
struct Weight {
  float a;
  float ds;
  float centred;  // s - E[s]
};

__device__ Weight weigh(float product, float da, const Row& row, bool visible) {
  const float shifted = product * row.scale - row.largest;
  Weight weight{};
  weight.a = visible ? __expf(shifted - row.log_sum) : 0;
  if (weight.a == 0) return weight;  // s may be -inf, and 0 * inf is NaN
  weight.centred = shifted - row.mean;
  weight.ds = weight.a * (da - row.dot - row.entropy_gradient * weight.centred);
  return weight;
}

template <class T, int width>
__global__ void __launch_bounds__(threads)
    attend(const CudaAttention inputs, const CudaAttentionRows results) {
  __shared__ Tile<T, width> keys;
  __shared__ Tile<T, width> values;
  const Place place;
  const int start = blockIdx.x * tile_rows;
  const int length = inputs.length;
  Operand<width> queries;
  load(keys, rows_of<T>(inputs.queries, length), start);
  __syncthreads();
  load(queries, keys, place);

  float scale[2];
  float largest[2] = {-INFINITY, -INFINITY};
  float sum[2] = {0, 0};       // of e^(s - largest)
  float weighted[2] = {0, 0};  // of (s - largest) e^(s - largest)
  float output[width / 8][4] = {};
  for (int half = 0; half < 2; ++half) {
    const int row = start + place.row + 8 * half;
    scale[half] = row < length ? inputs.row_scale[blockIdx.y * length + row] : 0;
  }
  for (int first = 0; first <= start; first += tile_rows) {
    __syncthreads();
    load(keys, rows_of<T>(inputs.keys, length), first);
    load(values, rows_of<T>(inputs.values, length), first);
    __syncthreads();
    Products s;
    multiply_by_rows(s, queries, keys, place);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = start + place.row + 8 * half;
      float most = largest[half];
#pragma unroll
      for (int n = 0; n < column_groups; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          const bool visible = first + 8 * n + place.column + i % 2 <= row;
          s[n][i] = visible ? s[n][i] * scale[half] : -INFINITY;
          most = fmaxf(most, s[n][i]);
        }
      }
      most = largest_of_row(most);
      // Rescales the sums so far, which are relative to the former largest score.
      const float drop = largest[half] == -INFINITY ? 0 : largest[half] - most;
      const float factor = largest[half] == -INFINITY ? 0 : __expf(drop);
      weighted[half] = (weighted[half] + sum[half] * drop) * factor;
      sum[half] *= factor;
      largest[half] = most;
#pragma unroll
      for (int n = 0; n < width / 8; ++n) {
        output[n][2 * half] *= factor;
        output[n][2 * half + 1] *= factor;
      }
#pragma unroll
      for (int n = 0; n < column_groups; ++n) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          const float shifted = s[n][i] - most;
          const float e = __expf(shifted);
          s[n][i] = e;
          sum[half] += e;
          if (e != 0) weighted[half] += e * shifted;
        }
      }
    }
    add_weighted(output, s, values, place);
  }

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float all = sum_of_row(sum[half]);
    const float mean = sum_of_row(weighted[half]) / all;
#pragma unroll
    for (int n = 0; n < width / 8; ++n) {
      output[n][2 * half] /= all;
      output[n][2 * half + 1] /= all;
    }
    const int row = start + place.row + 8 * half;
    if (place.column > 0 || row >= length) continue;
    const auto i = row_offset(inputs) + row;
    results.largest[i] = largest[half];
    results.log_sum[i] = logf(all);
    results.mean[i] = mean;
  }
  store(output, values, rows_of<T>(results.output, length), start, place);
}

template <class T, int width>
__global__ void __launch_bounds__(threads)
    differentiate_queries(const CudaAttention inputs, const CudaAttentionRows results,
                          const CudaAttentionGradients gradients) {
  __shared__ Tile<T, width> keys;
  __shared__ Tile<T, width> values;
  __shared__ float dots[tile_rows];
  const Place place;
  const int start = blockIdx.x * tile_rows;
  const int length = inputs.length;
  Operand<width> queries;
  Operand<width> given;
  load(keys, rows_of<T>(inputs.queries, length), start);
  __syncthreads();
  load(queries, keys, place);
  __syncthreads();
  load(keys, rows_of<T>(gradients.output, length), start);
  load(values, rows_of<T>(results.output, length), start);
  __syncthreads();
  load(given, keys, place);
  {
    const int row = threadIdx.x / 2;
    float dot = 0;
    for (int j = threadIdx.x % 2; j < width; j += 2) {
      dot += widen(keys.rows[row][j]) * widen(values.rows[row][j]);
    }
    dot += __shfl_xor_sync(~0U, dot, 1);
    dots[row] = dot;
    if (start + row < length) gradients.dots[row_offset(inputs) + start + row] = dot;
  }
  __syncthreads();

  Row rows[2];
  float temperature_sum[2] = {0, 0};
  for (int half = 0; half < 2; ++half) {
    const int row = start + place.row + 8 * half;
    if (row >= length) continue;
    const auto i = row_offset(inputs) + row;
    rows[half].scale = inputs.row_scale[blockIdx.y * length + row];
    rows[half].largest = results.largest[i];
    rows[half].log_sum = results.log_sum[i];
    rows[half].mean = results.mean[i];
    rows[half].entropy_gradient = gradients.entropy[i];
    rows[half].dot = dots[place.row + 8 * half];
  }
  float sum[width / 8][4] = {};
  for (int first = 0; first <= start; first += tile_rows) {
    __syncthreads();
    load(keys, rows_of<T>(inputs.keys, length), first);
    load(values, rows_of<T>(inputs.values, length), first);
    __syncthreads();
    Products s;
    Products da;
    multiply_by_rows(s, queries, keys, place);
    multiply_by_rows(da, given, values, place);
#pragma unroll
    for (int n = 0; n < column_groups; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int query = start + place.row + i / 2 * 8;
        const bool visible = first + 8 * n + place.column + i % 2 <= query;
        const Row& row = rows[i / 2];
        const auto weight = weigh(s[n][i], da[n][i], row, visible);
        temperature_sum[i / 2] += weight.ds * weight.centred;
        s[n][i] = weight.ds * row.scale;
      }
    }
    add_weighted(sum, s, keys, place);
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float all = sum_of_row(temperature_sum[half]);
    const int row = start + place.row + 8 * half;
    if (place.column == 0 && row < length) {
      gradients.temperature_sum[row_offset(inputs) + row] = all;
    }
  }
  store(sum, keys, rows_of<T>(gradients.queries, length), start, place);
}

/// Runs after differentiate_queries, which fills the dots.
template <class T, int width>
__global__ void __launch_bounds__(threads)
    differentiate_keys_and_values(const CudaAttention inputs, const CudaAttentionRows results,
                                  const CudaAttentionGradients gradients) {
  __shared__ Tile<T, width> queries;
  __shared__ Tile<T, width> given;
  __shared__ Row rows[tile_rows];
  const Place place;
  const int start = blockIdx.x * tile_rows;
  const int length = inputs.length;
  Operand<width> keys;
  Operand<width> values;
  load(queries, rows_of<T>(inputs.keys, length), start);
  load(given, rows_of<T>(inputs.values, length), start);
  __syncthreads();
  load(keys, queries, place);
  load(values, given, place);

  float key_sum[width / 8][4] = {};
  float value_sum[width / 8][4] = {};
  for (int first = start; first < length; first += tile_rows) {
    __syncthreads();
    load(queries, rows_of<T>(inputs.queries, length), first);
    load(given, rows_of<T>(gradients.output, length), first);
    if (threadIdx.x < tile_rows) {
      const int row = first + threadIdx.x;
      Row known;
      if (row < length) {
        const auto i = row_offset(inputs) + row;
        known.scale = inputs.row_scale[blockIdx.y * length + row];
        known.largest = results.largest[i];
        known.log_sum = results.log_sum[i];
        known.mean = results.mean[i];
        known.entropy_gradient = gradients.entropy[i];
        known.dot = gradients.dots[i];
      }
      rows[threadIdx.x] = known;
    }
    __syncthreads();
    Products s;
    Products da;
    multiply_by_rows(s, keys, queries, place);
    multiply_by_rows(da, values, given, place);
#pragma unroll
    for (int n = 0; n < column_groups; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = 8 * n + place.column + i % 2;
        const bool visible = start + place.row + i / 2 * 8 <= first + column;
        const Row& row = rows[column];
        const auto weight = weigh(s[n][i], da[n][i], row, visible);
        s[n][i] = weight.a;
        da[n][i] = weight.ds * row.scale;
      }
    }
    add_weighted(value_sum, s, given, place);
    add_weighted(key_sum, da, queries, place);
  }
  store(key_sum, queries, rows_of<T>(gradients.keys, length), start, place);
  store(value_sum, given, rows_of<T>(gradients.values, length), start, place);
}

cudaLaunchConfig_t grid(const CudaAttention& inputs, void* stream) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3((inputs.length + tile_rows - 1) / tile_rows, inputs.heads, inputs.batch);
  config.blockDim = threads;
  config.stream = static_cast<cudaStream_t>(stream);
  return config;
}

template <class T, int width>
cudaError_t launch(const CudaAttention& inputs, const CudaAttentionRows& rows, void* stream) {
  const auto config = grid(inputs, stream);
  return cudaLaunchKernelEx(&config, attend<T, width>, inputs, rows);
}

template <class T, int width>
cudaError_t launch(const CudaAttention& inputs, const CudaAttentionRows& rows,
                   const CudaAttentionGradients& gradients, void* stream) {
  const auto config = grid(inputs, stream);
  const auto error =
      cudaLaunchKernelEx(&config, differentiate_queries<T, width>, inputs, rows, gradients);
  if (error != cudaSuccess) return error;
  return cudaLaunchKernelEx(&config, differentiate_keys_and_values<T, width>, inputs, rows,
                            gradients);
}

/// Calls launch<T, width>(inputs, more...) for the inputs' type and width.
template <class... More>
const char* launch_for(const CudaAttention& inputs, const More&... more) {
  if (inputs.batch == 0 || inputs.length == 0) return nullptr;
  auto error = cudaSuccess;
  const bool wide = inputs.width == 64;
  if (inputs.type == HalfType::bfloat16) {
    error = wide ? launch<__nv_bfloat16, 64>(inputs, more...)
                 : launch<__nv_bfloat16, 32>(inputs, more...);
  } else {
    error = wide ? launch<__half, 64>(inputs, more...) : launch<__half, 32>(inputs, more...);
  }
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace

bool has_cuda_attention() {
  int device = 0;
  int major = 0;
  return cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
         major >= 8;
}

const char* cuda_attention(const CudaAttention& inputs, const CudaAttentionRows& rows,
                           void* stream) {
  return launch_for(inputs, rows, stream);
}

const char* differentiate_cuda_attention(const CudaAttention& inputs, const CudaAttentionRows& rows,
                                         const CudaAttentionGradients& gradients, void* stream) {
  return launch_for(inputs, rows, gradients, stream);
}

}  // namespace aero::ops
