#include "attention_tiles.h"
#include "cuda_attention.h"

#include <cuda_runtime.h>

// A block computes a tile of 64 rows of one head, 16 rows per warp, and goes through the tiles of
// the other side. In the forward pass and for the queries' gradient, a tile of queries goes through
// the keys before it. For the gradients of keys and values, a tile of keys goes through the queries
// after it, on S^T, so that blocks share no sum. Products take 16-bit numbers and have float32
// sums. Scores s, their softmax a, and the gradient ds = a (da - D - g (s - E)) are float32 until
// the next product.

namespace aero::ops {
namespace {

using namespace attention_tiles;

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
