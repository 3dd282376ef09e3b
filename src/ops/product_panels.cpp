#include "product_panels.h"

#include "avx512.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace aero::ops {

#ifdef AERO_X86

namespace {

using HalfWords [[gnu::vector_size(32)]] = std::uint16_t;

[[AERO_AVX512]] Words widened(HalfWords x) {
  return __builtin_convertvector(x, Words);
}

/// Writes to an address that is aligned to 64 bytes.
[[AERO_AVX512]] void store(Words x, Word* out) {
  std::memcpy(__builtin_assume_aligned(out, sizeof x), &x, sizeof x);
}

/// Reads words of float32 factors.
struct Floats {
  static constexpr std::int64_t factors = 1;  // of a word

  /// Returns the words at row `row` and following of the columns at `column` and following.
  [[AERO_AVX512]] static Words down(const Numbers& x, std::int64_t row, std::int64_t column) {
    if (row >= x.rows) return Words{};
    const auto* const from = static_cast<const float*>(x.data) + row * x.stride + column;
    return reinterpret_cast<Words>(_mm512_maskz_loadu_epi32(first_words(x.columns - column), from));
  }

  /// Returns the words of row `row` from column `column` on.
  [[AERO_AVX512]] static Words along(const Numbers& x, std::int64_t row, std::int64_t column) {
    return down(x, row, column);
  }
};

/// Reads words of two float32 factors, rounded to bfloat16.
struct RoundedPairs {
  static constexpr std::int64_t factors = 2;

  [[AERO_AVX512]] static Words down(const Numbers& x, std::int64_t row, std::int64_t column) {
    return rounded(x, row, column) | rounded(x, row + 1, column) << 16U;
  }

  [[AERO_AVX512]] static Words along(const Numbers& x, std::int64_t row, std::int64_t column) {
    const auto first = reinterpret_cast<__m512>(Floats::down(x, row, column));
    const auto second = reinterpret_cast<__m512>(Floats::down(x, row, column + vector_words));
    return reinterpret_cast<Words>(_mm512_cvtne2ps_pbh(second, first));
  }

 private:
  [[AERO_AVX512]] static Words rounded(const Numbers& x, std::int64_t row, std::int64_t column) {
    const auto wide = reinterpret_cast<__m512>(Floats::down(x, row, column));
    return widened(reinterpret_cast<HalfWords>(_mm512_cvtneps_pbh(wide)));
  }
};

/// Reads words of two bfloat16 factors.
struct Pairs {
  static constexpr std::int64_t factors = 2;

  [[AERO_AVX512]] static Words down(const Numbers& x, std::int64_t row, std::int64_t column) {
    return read(x, row, column) | read(x, row + 1, column) << 16U;
  }

  [[AERO_AVX512]] static Words along(const Numbers& x, std::int64_t row, std::int64_t column) {
    if (row >= x.rows || column >= x.columns) return Words{};
    const auto left = std::min<std::int64_t>(x.columns - column, 2 * vector_words);
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << static_cast<unsigned>(left)) - 1);
    return reinterpret_cast<Words>(_mm512_maskz_loadu_epi16(mask, at(x, row, column)));
  }

 private:
  static const std::uint16_t* at(const Numbers& x, std::int64_t row, std::int64_t column) {
    return static_cast<const std::uint16_t*>(x.data) + row * x.stride + column;
  }

  [[AERO_AVX512]] static Words read(const Numbers& x, std::int64_t row, std::int64_t column) {
    if (row >= x.rows) return Words{};
    const auto mask = first_words(x.columns - column);
    return widened(reinterpret_cast<HalfWords>(_mm256_maskz_loadu_epi16(mask, at(x, row, column))));
  }
};

using Square = Words[vector_words];  // std::array would drop the type's attributes

/// Interleaves words, or pairs of words, of x and y within each quarter of the vectors.
[[AERO_AVX512]] Words low_words(Words x, Words y) {
  return __builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
}
[[AERO_AVX512]] Words high_words(Words x, Words y) {
  return __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
}
[[AERO_AVX512]] Words low_pairs(Words x, Words y) {
  return __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
}
[[AERO_AVX512]] Words high_pairs(Words x, Words y) {
  return __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
}
/// Gathers the quarters of x and y that have even, or odd, numbers.
[[AERO_AVX512]] Words even_quarters(Words x, Words y) {
  return __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}
[[AERO_AVX512]] Words odd_quarters(Words x, Words y) {
  return __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}

/// Transposes 16 x 16 words.
[[AERO_AVX512]] void transpose(Square& x) {
  Square y;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 16; i += 2) {
    y[i] = low_words(x[i], x[i + 1]);
    y[i + 1] = high_words(x[i], x[i + 1]);
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 16; i += 4) {
    x[i] = low_pairs(y[i], y[i + 2]);
    x[i + 1] = high_pairs(y[i], y[i + 2]);
    x[i + 2] = low_pairs(y[i + 1], y[i + 3]);
    x[i + 3] = high_pairs(y[i + 1], y[i + 3]);
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) {
    y[i] = even_quarters(x[i], x[i + 4]);
    y[i + 4] = odd_quarters(x[i], x[i + 4]);
    y[i + 8] = even_quarters(x[i + 8], x[i + 12]);
    y[i + 12] = odd_quarters(x[i + 8], x[i + 12]);
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) {
    x[i] = even_quarters(y[i], y[i + 8]);
    x[i + 8] = odd_quarters(y[i], y[i + 8]);
  }
}

template <class Source>
[[AERO_AVX512]] void pack_down(const Numbers& x, const RightPanel& panel, Word* out) {
  for (std::int64_t word = 0; word < panel.words; ++word) {
    const auto row = (panel.first_word + word) * Source::factors;
    for (std::int64_t column = 0; column < tile_columns; column += vector_words) {
      store(Source::down(x, row, panel.first_column + column), out + word * tile_columns + column);
    }
  }
}

template <class Source>
[[AERO_AVX512]] void pack_along(const Numbers& x, const RightPanel& panel, Word* out) {
  Square words;
  for (std::int64_t column = 0; column < tile_columns; column += vector_words) {
    for (std::int64_t word = 0; word < panel.words; word += vector_words) {
      const auto first_row = panel.first_column + column;
      for (std::int64_t i = 0; i < vector_words; ++i) {
        words[i] = Source::along(x, first_row + i, (panel.first_word + word) * Source::factors);
      }
      transpose(words);
      const auto whole = std::min(vector_words, panel.words - word);
      for (std::int64_t i = 0; i < whole; ++i) {
        store(words[i], out + (word + i) * tile_columns + column);
      }
    }
  }
}

template <class Source>
void pack(const Numbers& x, bool is_transposed, const RightPanel& panel, Word* out) {
  if (is_transposed) {
    pack_along<Source>(x, panel, out);
  } else {
    pack_down<Source>(x, panel, out);
  }
}

template <class Source>
[[AERO_AVX512]] void pack_groups(const Numbers& x, const LeftPanel& panel, Word* out) {
  constexpr std::int64_t step = 3 * vector_words;  // whole vectors and whole groups
  alignas(64) std::array<Word, step> words;
  for (std::int64_t word = 0; word < panel.words; ++word) {
    const auto factor = (panel.first_word + word) * Source::factors;
    for (std::int64_t row = 0; row < panel.rows; row += step) {
      const auto rows = std::min(step, panel.rows - row);
      for (std::int64_t i = 0; i < rows; i += vector_words) {
        store(Source::down(x, factor, panel.first_row + row + i), words.data() + i);
      }
      for (std::int64_t i = 0; i < rows; i += tile_rows) {
        std::memcpy(out + (row + i) / tile_rows * panel.group_words + word * tile_rows,
                    words.data() + i, tile_rows * sizeof(Word));
      }
    }
  }
}

}  // namespace

void pack_right(Arithmetic arithmetic, const Numbers& matrix, bool is_transposed,
                const RightPanel& panel, Word* out) {
  if (arithmetic == Arithmetic::float32) {
    pack<Floats>(matrix, is_transposed, panel, out);
  } else if (matrix.is_bfloat16) {
    pack<Pairs>(matrix, is_transposed, panel, out);
  } else {
    pack<RoundedPairs>(matrix, is_transposed, panel, out);
  }
}

void pack_left_transposed(Arithmetic arithmetic, const Numbers& matrix, const LeftPanel& panel,
                          Word* out) {
  if (arithmetic == Arithmetic::float32) {
    pack_groups<Floats>(matrix, panel, out);
  } else if (matrix.is_bfloat16) {
    pack_groups<Pairs>(matrix, panel, out);
  } else {
    pack_groups<RoundedPairs>(matrix, panel, out);
  }
}

#else

void pack_right(Arithmetic /*arithmetic*/, const Numbers& /*matrix*/, bool /*is_transposed*/,
                const RightPanel& /*panel*/, Word* /*out*/) {
  throw std::logic_error("this processor has no AVX-512");
}

void pack_left_transposed(Arithmetic /*arithmetic*/, const Numbers& /*matrix*/,
                          const LeftPanel& /*panel*/, Word* /*out*/) {
  throw std::logic_error("this processor has no AVX-512");
}

#endif

}  // namespace aero::ops
