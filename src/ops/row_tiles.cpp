#include "row_tiles.h"

#include "avx512.h"

#include <ATen/Context.h>

#include <cstring>
#include <stdexcept>

namespace aero::ops {

#ifdef AERO_X86

namespace {

constexpr int most_rows = 4;  // with tile_outputs, 16 sums, which leave room for factors

// Vectors for the compiler's own shuffles.
using Floats16 [[gnu::vector_size(64)]] = float;
using Floats8 [[gnu::vector_size(32)]] = float;
using Floats4 [[gnu::vector_size(16)]] = float;

struct Float32 {
  using Number = float;
  static constexpr std::int64_t vector_numbers = vector_words;

  /// Loads at most a vector of `count` numbers; others are zero.
  [[AERO_AVX512, gnu::always_inline]] static inline __m512i load(const Number* from,
                                                                 std::int64_t count) {
    return _mm512_maskz_loadu_epi32(first_words(count), from);
  }
  [[AERO_AVX512, gnu::always_inline]] static inline __m512 add_product(__m512 sum, __m512i a,
                                                                       __m512i b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
  [[AERO_AVX512, gnu::always_inline]] static inline Floats4 rounded(Floats4 sums) { return sums; }
};

struct Bfloat16 {
  using Number = std::uint16_t;
  static constexpr std::int64_t vector_numbers = 2 * vector_words;

  [[AERO_AVX512, gnu::always_inline]] static inline __m512i load(const Number* from,
                                                                 std::int64_t count) {
    const auto bits = count >= vector_numbers ? 0 : 1U << static_cast<unsigned>(count);
    return _mm512_maskz_loadu_epi16(bits - 1U, from);
  }
  [[AERO_AVX512, gnu::always_inline]] static inline __m512 add_product(__m512 sum, __m512i a,
                                                                       __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  [[AERO_AVX512, gnu::always_inline]] static inline __m128bh rounded(Floats4 sums) {
    return _mm_cvtneps_pbh(reinterpret_cast<__m128>(sums));
  }
};

/// Adds the numbers of each of four vectors, each in the same order.
[[AERO_AVX512, gnu::always_inline]] inline Floats4 totals(const __m512 (&sums)[tile_outputs]) {
  Floats4 quarters[tile_outputs];
#pragma GCC unroll 4
  for (int n = 0; n < tile_outputs; ++n) {
    const auto x = reinterpret_cast<Floats16>(sums[n]);
    const Floats8 half = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    quarters[n] = __builtin_shufflevector(half, half, 0, 1, 2, 3) +
                  __builtin_shufflevector(half, half, 4, 5, 6, 7);
  }
  const auto [a, b, c, d] = quarters;
  const Floats4 ab =
      __builtin_shufflevector(a, b, 0, 4, 2, 6) + __builtin_shufflevector(a, b, 1, 5, 3, 7);
  const Floats4 cd =
      __builtin_shufflevector(c, d, 0, 4, 2, 6) + __builtin_shufflevector(c, d, 1, 5, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

/// Computes `rows` by `outputs` inner products, from a row and an output on.
template <class Factors, int rows, int outputs>
[[AERO_AVX512]] void multiply(const RowTile& tile, std::int64_t row, std::int64_t output) {
  using Number = typename Factors::Number;
  constexpr auto step = Factors::vector_numbers;
  const auto left_stride = tile.left.stride;
  const auto right_stride = tile.right.stride;
  const auto* left = static_cast<const Number*>(tile.left.data) + row * left_stride;
  const auto* right = static_cast<const Number*>(tile.right.data) + output * right_stride;
  __m512 sums[rows][tile_outputs];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < tile_outputs; ++n) sums[r][n] = _mm512_setzero_ps();
  }
  for (auto rest = tile.factors; rest > 0; rest -= step) {
    __m512i factors[outputs];
#pragma GCC unroll 4
    for (int n = 0; n < outputs; ++n) {
      factors[n] = Factors::load(right + n * right_stride, rest);
      // Of the next outputs: memory would otherwise rest while these rows are used again.
      _mm_prefetch(right + (n + outputs) * right_stride, _MM_HINT_T0);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      const auto factor = Factors::load(left + r * left_stride, rest);
#pragma GCC unroll 4
      for (int n = 0; n < outputs; ++n) {
        sums[r][n] = Factors::add_product(sums[r][n], factor, factors[n]);
      }
    }
    left += step;
    right += step;
  }
  Floats4 bias{};
  if (tile.bias != nullptr) std::memcpy(&bias, tile.bias + output, outputs * sizeof(float));
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
    auto* const out = static_cast<Number*>(tile.out) + (row + r) * tile.out_stride + output;
    const auto rounded = Factors::rounded(totals(sums[r]) + bias);
    std::memcpy(out, &rounded, outputs * sizeof(Number));
  }
}

template <class Factors, int outputs>
void multiply_outputs(const RowTile& tile, std::int64_t output) {
  std::int64_t row = 0;
  for (; row + most_rows <= tile.rows; row += most_rows) {
    multiply<Factors, most_rows, outputs>(tile, row, output);
  }
  switch (tile.rows - row) {
    case 1:
      return multiply<Factors, 1, outputs>(tile, row, output);
    case 2:
      return multiply<Factors, 2, outputs>(tile, row, output);
    case 3:
      return multiply<Factors, 3, outputs>(tile, row, output);
    default:
      return;
  }
}

template <class Factors>
void multiply_with(const RowTile& tile) {
  auto output = tile.first;
  for (; output + tile_outputs <= tile.last; output += tile_outputs) {
    multiply_outputs<Factors, tile_outputs>(tile, output);
  }
  for (; output < tile.last; ++output) multiply_outputs<Factors, 1>(tile, output);
}

bool has_vectors() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

}  // namespace

bool has_row_tiles(Arithmetic arithmetic) {
  static const bool with_float32 = has_vectors();
  static const bool with_bfloat16 = has_vectors() && __builtin_cpu_supports("avx512bf16") != 0;
  const bool known = arithmetic == Arithmetic::bfloat16 ? with_bfloat16 : with_float32;
  return known && at::globalContext().userEnabledMkldnn();
}

void multiply_row_tile(Arithmetic arithmetic, const RowTile& tile) {
  if (arithmetic == Arithmetic::bfloat16) {
    multiply_with<Bfloat16>(tile);
  } else {
    multiply_with<Float32>(tile);
  }
}

#else

bool has_row_tiles(Arithmetic /*arithmetic*/) {
  return false;
}

void multiply_row_tile(Arithmetic /*arithmetic*/, const RowTile& /*tile*/) {
  throw std::logic_error("this processor has no AVX-512");
}

#endif

}  // namespace aero::ops
