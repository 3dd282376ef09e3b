#include "product_panels.h"

#include "avx512.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace aero::ops {

#ifdef AERO_X86

namespace {

// Words that are laid out for a tile before those beside them: whole lines of memory are written,
// and rows are read on from where they were left.
constexpr std::int64_t band_words = 8;

using Halves [[gnu::vector_size(32)]] = std::uint16_t;

/// Returns words of two bfloat16: a number of `first`, then the number of `second` in its place.
[[AERO_AVX512]] Words paired(Halves first, Halves second) {
  return reinterpret_cast<Words>(
      __builtin_shufflevector(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
                              8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
}

/// Asks for what is read soon after `from`. Many rows are read side by side, which the processor's
/// own prefetching follows at half of the speed.
[[AERO_AVX512]] void prefetch_after(const void* from) {
  constexpr std::int64_t distance = 320;  // bytes; 256 to 512 were as fast
  _mm_prefetch(static_cast<const char*>(from) + distance, _MM_HINT_T0);
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
    prefetch_after(from);
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
    return paired(rounded(x, row, column), rounded(x, row + 1, column));
  }

  [[AERO_AVX512]] static Words along(const Numbers& x, std::int64_t row, std::int64_t column) {
    const auto first = reinterpret_cast<__m512>(Floats::down(x, row, column));
    const auto second = reinterpret_cast<__m512>(Floats::down(x, row, column + vector_words));
    return reinterpret_cast<Words>(_mm512_cvtne2ps_pbh(second, first));
  }

 private:
  [[AERO_AVX512]] static Halves rounded(const Numbers& x, std::int64_t row, std::int64_t column) {
    const auto wide = reinterpret_cast<__m512>(Floats::down(x, row, column));
    return reinterpret_cast<Halves>(_mm512_cvtneps_pbh(wide));
  }
};

/// Reads words of two bfloat16 factors.
struct Pairs {
  static constexpr std::int64_t factors = 2;

  [[AERO_AVX512]] static Words down(const Numbers& x, std::int64_t row, std::int64_t column) {
    return paired(read(x, row, column), read(x, row + 1, column));
  }

  [[AERO_AVX512]] static Words along(const Numbers& x, std::int64_t row, std::int64_t column) {
    if (row >= x.rows || column >= x.columns) return Words{};
    const auto* const from = at(x, row, column);
    prefetch_after(from);
    const auto left = std::min<std::int64_t>(x.columns - column, 2 * vector_words);
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << static_cast<unsigned>(left)) - 1);
    return reinterpret_cast<Words>(_mm512_maskz_loadu_epi16(mask, from));
  }

 private:
  static const std::uint16_t* at(const Numbers& x, std::int64_t row, std::int64_t column) {
    return static_cast<const std::uint16_t*>(x.data) + row * x.stride + column;
  }

  [[AERO_AVX512]] static Halves read(const Numbers& x, std::int64_t row, std::int64_t column) {
    if (row >= x.rows) return Halves{};
    const auto* const from = at(x, row, column);
    prefetch_after(from);
    const auto mask = first_words(x.columns - column);
    return reinterpret_cast<Halves>(_mm256_maskz_loadu_epi16(mask, from));
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
[[AERO_AVX512]] void pack_down(Numbers x, RightPanels panels, Word* out) {
  for (std::int64_t first = 0; first < panels.words; first += band_words) {
    const auto end = std::min(first + band_words, panels.words);
    for (std::int64_t column = 0; column < panels.columns; column += tile_columns) {
      auto* const panel = out + column / tile_columns * panels.panel_words;
      for (auto word = first; word < end; ++word) {
        const auto row = (panels.first_word + word) * Source::factors;
        for (std::int64_t i = 0; i < tile_columns; i += vector_words) {
          store(Source::down(x, row, panels.first_column + column + i),
                panel + word * tile_columns + i);
        }
      }
    }
  }
}

template <class Source>
[[AERO_AVX512]] void pack_along(Numbers x, RightPanels panels, Word* out) {
  Square words;
  const auto columns = (panels.columns + tile_columns - 1) / tile_columns * tile_columns;
  for (std::int64_t column = 0; column < columns; column += vector_words) {
    const auto first_row = panels.first_column + column;
    auto* const to = out + column / tile_columns * panels.panel_words + column % tile_columns;
    for (std::int64_t word = 0; word < panels.words; word += vector_words) {
      for (std::int64_t i = 0; i < vector_words; ++i) {
        words[i] = Source::along(x, first_row + i, (panels.first_word + word) * Source::factors);
      }
      transpose(words);
      const auto whole = std::min(vector_words, panels.words - word);
      for (std::int64_t i = 0; i < whole; ++i) store(words[i], to + (word + i) * tile_columns);
    }
  }
}

template <class Source>
void pack(const Numbers& x, bool is_transposed, const RightPanels& panels, Word* out) {
  if (is_transposed) {
    pack_along<Source>(x, panels, out);
  } else {
    pack_down<Source>(x, panels, out);
  }
}

using Group [[gnu::vector_size(32)]] = std::uint32_t;  // tile_rows words and others

/// Returns the words of x and y from word `first` on.
template <int first>
[[AERO_AVX512]] Group group_at(Words x, Words y) {
  return __builtin_shufflevector(x, y, first, first + 1, first + 2, first + 3, first + 4, first + 5,
                                 first + 6, first + 7);
}

/// Writes the first `groups` groups of tile_rows words, each `stride` words after the one before.
[[AERO_AVX512]] void store_groups(const Words (&x)[3], std::int64_t groups, std::int64_t stride,
                                  Word* out) {
  static_assert(tile_rows == 6);
  const Group all[8] = {group_at<0>(x[0], x[1]), group_at<6>(x[0], x[1]), group_at<12>(x[0], x[1]),
                        group_at<2>(x[1], x[2]), group_at<8>(x[1], x[2]), group_at<14>(x[1], x[2]),
                        group_at<4>(x[2], x[2]), group_at<10>(x[2], x[2])};
#pragma GCC unroll 8
  for (std::int64_t group = 0; group < 8; ++group) {
    if (group >= groups) return;
    _mm256_mask_storeu_epi32(out + group * stride, (1U << tile_rows) - 1,
                             reinterpret_cast<__m256i>(all[group]));
  }
}

template <class Source>
[[AERO_AVX512]] void pack_groups(Numbers x, LeftPanel panel, Word* out) {
  constexpr std::int64_t step = 3 * vector_words;  // whole vectors and whole groups
  for (std::int64_t first = 0; first < panel.words; first += band_words) {
    const auto end = std::min(first + band_words, panel.words);
    for (std::int64_t row = 0; row < panel.rows; row += step) {
      const auto groups = (std::min(step, panel.rows - row) + tile_rows - 1) / tile_rows;
      auto* const to = out + row / tile_rows * panel.group_words;
      for (auto word = first; word < end; ++word) {
        const auto factor = (panel.first_word + word) * Source::factors;
        const auto column = panel.first_row + row;
        Words words[3];
        for (std::int64_t i = 0; i < 3; ++i) {
          words[i] = Source::down(x, factor, column + i * vector_words);
        }
        store_groups(words, groups, panel.group_words, to + word * tile_rows);
      }
    }
  }
}

}  // namespace

void pack_right(Arithmetic arithmetic, const Numbers& matrix, bool is_transposed,
                const RightPanels& panels, Word* out) {
  if (arithmetic == Arithmetic::float32) {
    pack<Floats>(matrix, is_transposed, panels, out);
  } else if (matrix.is_bfloat16) {
    pack<Pairs>(matrix, is_transposed, panels, out);
  } else {
    pack<RoundedPairs>(matrix, is_transposed, panels, out);
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
                const RightPanels& /*panels*/, Word* /*out*/) {
  throw std::logic_error("this processor has no AVX-512");
}

void pack_left_transposed(Arithmetic /*arithmetic*/, const Numbers& /*matrix*/,
                          const LeftPanel& /*panel*/, Word* /*out*/) {
  throw std::logic_error("this processor has no AVX-512");
}

#endif

}  // namespace aero::ops
