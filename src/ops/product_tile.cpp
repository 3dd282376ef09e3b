#include "product_tile.h"

#include "avx512.h"

#include <ATen/Context.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace aero::ops {

#ifdef AERO_X86

namespace {

constexpr int packs = tile_columns / vector_words;
// A long sum is a sum of sums of so many words, whose roundings are smaller.
constexpr std::int64_t segment_words = 256;

bool has_vectors() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

struct Float32 {
  [[AERO_AVX512, gnu::always_inline]] static inline __m512 add_product(__m512 sum, __m512i a,
                                                                       __m512i b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
};

struct Bfloat16 {
  [[AERO_AVX512, gnu::always_inline]] static inline __m512 add_product(__m512 sum, __m512i a,
                                                                       __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

/// Some of a tile's words.
struct Segment {
  std::int64_t first;
  std::int64_t size;
};

[[AERO_AVX512, gnu::always_inline]] inline __m512 first_sums(const Tile& tile, int pack,
                                                             bool is_first) {
  if (tile.bias == nullptr || !is_first) return _mm512_setzero_ps();
  const auto mask = first_words(tile.columns - pack * vector_words);
  return _mm512_maskz_loadu_ps(mask, tile.bias + pack * vector_words);
}

[[AERO_AVX512, gnu::always_inline]] inline void store(const Tile& tile, int row, int pack,
                                                      __m512 sums, bool adds) {
  const auto mask = first_words(tile.columns - pack * vector_words);
  auto* const out = tile.out + row * tile.out_row;
  if (tile.rounds) {
    _mm256_mask_storeu_epi16(reinterpret_cast<std::uint16_t*>(out) + pack * vector_words, mask,
                             reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(sums)));
    return;
  }
  auto* const numbers = reinterpret_cast<float*>(out) + pack * vector_words;
  if (adds) sums = sums + _mm512_maskz_loadu_ps(mask, numbers);
  _mm512_mask_storeu_ps(numbers, mask, sums);
}

template <class Factors, int rows>
[[AERO_AVX512]] void multiply_segment(const Tile& tile, const Segment& segment) {
  __m512 sums[rows][packs];
#pragma GCC unroll 6
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int pack = 0; pack < packs; ++pack) {
      sums[row][pack] = first_sums(tile, pack, segment.first == 0);
    }
  }
  const char* left = tile.left + segment.first * tile.left_word;
  const Word* right = tile.right + segment.first * tile_columns;
  for (auto word = segment.size; word > 0; --word) {
    __m512i factors[packs];
#pragma GCC unroll 4
    for (int pack = 0; pack < packs; ++pack) {
      factors[pack] = _mm512_load_si512(right + pack * vector_words);
    }
#pragma GCC unroll 6
    for (int row = 0; row < rows; ++row) {
      int factor_word = 0;
      std::memcpy(&factor_word, left + row * tile.left_row, sizeof factor_word);
      const auto factor = _mm512_set1_epi32(factor_word);
#pragma GCC unroll 4
      for (int pack = 0; pack < packs; ++pack) {
        sums[row][pack] = Factors::add_product(sums[row][pack], factor, factors[pack]);
      }
    }
    left += tile.left_word;
    right += tile_columns;
  }
#pragma GCC unroll 6
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
    for (int pack = 0; pack < packs; ++pack) {
      store(tile, row, pack, sums[row][pack], tile.adds || segment.first > 0);
    }
  }
}

template <class Factors, int rows>
void multiply_rows(const Tile& tile) {
  const auto size = tile.rounds ? tile.words : segment_words;
  for (std::int64_t first = 0; first < tile.words; first += size) {
    multiply_segment<Factors, rows>(tile, {first, std::min(size, tile.words - first)});
  }
}

template <class Factors>
void multiply_with(const Tile& tile) {
  switch (tile.rows) {
    case 1:
      return multiply_rows<Factors, 1>(tile);
    case 2:
      return multiply_rows<Factors, 2>(tile);
    case 3:
      return multiply_rows<Factors, 3>(tile);
    case 4:
      return multiply_rows<Factors, 4>(tile);
    case 5:
      return multiply_rows<Factors, 5>(tile);
    default:
      return multiply_rows<Factors, tile_rows>(tile);
  }
}

}  // namespace

bool has_tiles(Arithmetic arithmetic) {
  // oneDNN is faster on processors that multiply bfloat16 matrices as a whole. Intel's MKL, which
  // multiplies float32 for LibTorch, uses no AVX-512 on processors of other makers.
  static const bool with_float32 = has_vectors() && __builtin_cpu_is("intel") == 0;
  static const bool with_bfloat16 = has_vectors() && __builtin_cpu_supports("avx512bf16") != 0 &&
                                    __builtin_cpu_supports("amx-bf16") == 0;
  const bool known = arithmetic == Arithmetic::bfloat16 ? with_bfloat16 : with_float32;
  return known && at::globalContext().userEnabledMkldnn();
}

void multiply_tile(Arithmetic arithmetic, const Tile& tile) {
  if (arithmetic == Arithmetic::bfloat16) {
    multiply_with<Bfloat16>(tile);
  } else {
    multiply_with<Float32>(tile);
  }
}

#else

bool has_tiles(Arithmetic /*arithmetic*/) {
  return false;
}

void multiply_tile(Arithmetic /*arithmetic*/, const Tile& /*tile*/) {
  throw std::logic_error("this processor has no AVX-512");
}

#endif

}  // namespace aero::ops
