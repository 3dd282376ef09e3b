#pragma once

#include <cstdint>

// One tile of a matrix product, in the registers of an x86 processor with AVX-512.

namespace aero::ops {

/// What a product multiplies. Sums are float32 in both.
enum class Arithmetic { float32, bfloat16 };

constexpr int tile_rows = 6;  // 6 x 64 sums, four packs of factors and one more fill the registers
constexpr int tile_columns = 64;

/// Factors come in words: a float32, or two bfloat16 that follow one another in the direction of
/// the sum.
using Word = std::uint32_t;

/// Returns how many words hold `count` factors; the last one may hold a zero.
constexpr std::int64_t words_of(Arithmetic arithmetic, std::int64_t count) {
  return arithmetic == Arithmetic::bfloat16 ? (count + 1) / 2 : count;
}

/// out [rows, columns] = sum over `words` of left [rows, words] by right [words, tile_columns].
struct Tile {
  std::int64_t rows;     // 1 to tile_rows
  std::int64_t columns;  // 1 to tile_columns
  std::int64_t words;
  const char* left;
  std::int64_t left_row;   // bytes from a row to the next
  std::int64_t left_word;  // bytes from a word to the next
  const Word* right;       // aligned to 64 bytes, columns up to tile_columns are readable
  const float* bias;       // [columns], which the sums begin with; may be null
  bool rounds;             // `out` is bfloat16
  bool adds;               // the sums are added to `out`, which is float32
  char* out;
  std::int64_t out_row;  // bytes from a row to the next
};

/// Whether this processor can, and does so faster than LibTorch's libraries.
bool has_tiles(Arithmetic arithmetic);

void multiply_tile(Arithmetic arithmetic, const Tile& tile);

}  // namespace aero::ops
