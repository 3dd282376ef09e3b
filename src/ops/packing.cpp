#include "packing.h"

#include <algorithm>
#include <cstring>

namespace aero::ops {
namespace {

constexpr std::int64_t tile = 16;  // words of a cache line

using Four [[gnu::vector_size(16)]] = std::uint32_t;

Four load_four(const char* x) {
  Four words;
  std::memcpy(&words, x, sizeof words);
  return words;
}

void store_four(Four words, std::uint32_t* out) {
  std::memcpy(out, &words, sizeof words);
}

void transpose_four(const char* x, std::int64_t stride_bytes, std::uint32_t* out,
                    std::int64_t out_stride) {
  const auto a = load_four(x);
  const auto b = load_four(x + stride_bytes);
  const auto c = load_four(x + 2 * stride_bytes);
  const auto d = load_four(x + 3 * stride_bytes);
  const auto low_ac = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const auto low_bd = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const auto high_ac = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const auto high_bd = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  store_four(__builtin_shufflevector(low_ac, low_bd, 0, 4, 1, 5), out);
  store_four(__builtin_shufflevector(low_ac, low_bd, 2, 6, 3, 7), out + out_stride);
  store_four(__builtin_shufflevector(high_ac, high_bd, 0, 4, 1, 5), out + 2 * out_stride);
  store_four(__builtin_shufflevector(high_ac, high_bd, 2, 6, 3, 7), out + 3 * out_stride);
}

/// Sets out[c][r] = x[r][c] for words of 32 bits, a cache line of out at a time. x need not be
/// aligned.
void transpose_words(const char* x, std::int64_t stride_bytes, std::int64_t rows,
                     std::int64_t columns, std::int64_t padded_rows, std::uint32_t* out) {
  for (std::int64_t r0 = 0; r0 < padded_rows; r0 += tile) {
    const auto r_end = std::min(r0 + tile, padded_rows);
    const auto whole = r0 + tile <= rows ? columns / 4 * 4 : 0;
    for (std::int64_t c = 0; c < whole; c += 4) {
      for (auto r = r0; r < r_end; r += 4) {
        transpose_four(x + r * stride_bytes + 4 * c, stride_bytes, out + c * padded_rows + r,
                       padded_rows);
      }
    }
    for (auto c = whole; c < columns; ++c) {
      for (auto r = r0; r < r_end; ++r) {
        std::uint32_t word = 0;
        if (r < rows) std::memcpy(&word, x + r * stride_bytes + 4 * c, sizeof word);
        std::memcpy(out + c * padded_rows + r, &word, sizeof word);
      }
    }
  }
}

const char* bytes(const void* x) {
  return static_cast<const char*>(x);
}

void interleave(const std::uint16_t* low, const std::uint16_t* high, std::int64_t columns,
                std::uint16_t* __restrict__ out) {
  for (std::int64_t c = 0; c < columns; ++c) {
    out[2 * c] = low[c];
    out[2 * c + 1] = high[c];
  }
}

}  // namespace

void pack(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
          std::int64_t padded_rows, float* out) {
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(x + r * stride, columns, out + r * columns);
  }
  std::fill_n(out + rows * columns, (padded_rows - rows) * columns, 0.0F);
}

void pack(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
          std::int64_t padded_rows, std::uint16_t* out) {
  std::int64_t r = 0;
  for (; r + 1 < rows; r += 2) {
    interleave(x + r * stride, x + (r + 1) * stride, columns, out + r * columns);
  }
  std::fill_n(out + r * columns, (padded_rows - r) * columns, std::uint16_t{0});
  if (r == rows) return;
  for (std::int64_t c = 0; c < columns; ++c) out[r * columns + 2 * c] = x[r * stride + c];
}

void pack_transposed(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                     std::int64_t padded_rows, float* out) {
  transpose(x, stride, rows, columns, padded_rows, out);
}

void pack_transposed(const std::uint16_t* x, std::int64_t stride, std::int64_t rows,
                     std::int64_t columns, std::int64_t padded_rows, std::uint16_t* out) {
  // Neighbours in a row become neighbours in a column, so a pair moves as one word.
  transpose_words(bytes(x), 2 * stride, rows, columns / 2, padded_rows,
                  reinterpret_cast<std::uint32_t*>(out));
}

void transpose(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t padded_rows, float* out) {
  transpose_words(bytes(x), 4 * stride, rows, columns, padded_rows,
                  reinterpret_cast<std::uint32_t*>(out));
}

void transpose(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t padded_rows, std::uint16_t* out) {
  for (std::int64_t r0 = 0; r0 < padded_rows; r0 += tile) {
    const auto count = std::min(tile, padded_rows - r0);
    for (std::int64_t c = 0; c < columns; ++c) {
      auto* target = out + c * padded_rows + r0;
      for (std::int64_t r = 0; r < count; ++r) {
        target[r] = r0 + r < rows ? x[(r0 + r) * stride + c] : std::uint16_t{0};
      }
    }
  }
}

}  // namespace aero::ops
