#include "row_tiles.h"

#include "avx512.h"

#include <ATen/Context.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace aero::ops {

#ifdef AERO_X86

namespace {

constexpr int tile_outputs = 4;
constexpr int tile_rows_at_once = 4;  // 4 x 4 sums and the vectors of 4 outputs leave room

struct Float32 {
  using Number = float;
  static constexpr std::int64_t vector_numbers = vector_words;

  [[AERO_AVX512, gnu::always_inline]] static inline __m512i load(const Number* from,
                                                                 std::int64_t count) {
    return _mm512_maskz_loadu_epi32(first_words(count), from);
  }
  [[AERO_AVX512, gnu::always_inline]] static inline __m512 add_product(__m512 sum, __m512i a,
                                                                       __m512i b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
  static Number rounded(float sum) { return sum; }
};

struct Bfloat16 {
  using Number = std::uint16_t;
  static constexpr std::int64_t vector_numbers = 2 * vector_words;

  [[AERO_AVX512, gnu::always_inline]] static inline __m512i load(const Number* from,
                                                                 std::int64_t count) {
    const auto mask = (std::uint64_t{1} << static_cast<unsigned>(count)) - 1U;
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(mask), from);
  }
  [[AERO_AVX512, gnu::always_inline]] static inline __m512 add_product(__m512 sum, __m512i a,
                                                                       __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  static Number rounded(float sum) { return c10::BFloat16(sum).x; }
};

/// Adds in an order that does not depend on what else is summed.
[[AERO_AVX512]] float total(__m512 sums) {
  alignas(64) std::array<float, vector_words> numbers;
  _mm512_store_ps(numbers.data(), sums);
  for (auto width = numbers.size() / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) numbers[i] += numbers[i + width];
  }
  return numbers[0];
}

/// The sums of `rows` by `outputs` inner products that are being computed.
template <class Factors, int rows, int outputs>
struct Products {
  using Number = typename Factors::Number;

  __m512 sums[rows][outputs];

  [[AERO_AVX512, gnu::always_inline]] inline void add(const Number* left, std::int64_t left_stride,
                                                      const Number* right,
                                                      std::int64_t right_stride,
                                                      std::int64_t count) {
    __m512i factors[outputs];
#pragma GCC unroll 4
    for (int n = 0; n < outputs; ++n) factors[n] = Factors::load(right + n * right_stride, count);
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      const auto factor = Factors::load(left + r * left_stride, count);
#pragma GCC unroll 4
      for (int n = 0; n < outputs; ++n) {
        sums[r][n] = Factors::add_product(sums[r][n], factor, factors[n]);
      }
    }
  }
};

template <class Factors, int rows, int outputs>
[[AERO_AVX512]] void multiply(const RowTile& tile, std::int64_t row, std::int64_t output) {
  using Number = typename Factors::Number;
  constexpr auto step = Factors::vector_numbers;
  const auto left_stride = tile.left.stride;
  const auto right_stride = tile.right.stride;
  const auto* left = static_cast<const Number*>(tile.left.data) + row * left_stride;
  const auto* right = static_cast<const Number*>(tile.right.data) + output * right_stride;
  Products<Factors, rows, outputs> products;
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < outputs; ++n) products.sums[r][n] = _mm512_setzero_ps();
  }
  auto rest = tile.factors;
  for (; rest >= step; rest -= step, left += step, right += step) {
    products.add(left, left_stride, right, right_stride, step);
  }
  if (rest > 0) products.add(left, left_stride, right, right_stride, rest);
  for (int r = 0; r < rows; ++r) {
    auto* const out = static_cast<Number*>(tile.out) + (row + r) * tile.out_stride + output;
    for (int n = 0; n < outputs; ++n) {
      const float bias = tile.bias == nullptr ? 0 : tile.bias[output + n];
      out[n] = Factors::rounded(total(products.sums[r][n]) + bias);
    }
  }
}

template <class Factors, int outputs>
void multiply_outputs(const RowTile& tile, std::int64_t output) {
  std::int64_t row = 0;
  for (; row + tile_rows_at_once <= tile.rows; row += tile_rows_at_once) {
    multiply<Factors, tile_rows_at_once, outputs>(tile, row, output);
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
