#pragma once

#include "cuda_attention.h"
#include "half_numbers.h"
#include "tensor_cores.h"

#include <cuda_runtime.h>

#include <cstdint>

// What the attention kernels compute tiles with: loads, stores, and products of a warp's rows.

namespace aero::ops::attention_tiles {

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
__device__ inline std::int64_t row_offset(const CudaAttention& inputs) {
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
__device__ inline float largest_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0U, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0U, x, 2));
}
__device__ inline float sum_of_row(float x) {
  x += __shfl_xor_sync(~0U, x, 1);
  return x + __shfl_xor_sync(~0U, x, 2);
}

}  // namespace aero::ops::attention_tiles
