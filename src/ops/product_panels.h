#pragma once

#include "product_tile.h"

#include <cstdint>

// Lays out the factors of a matrix product as tiles read them. Only where has_tiles() is true.

namespace aero::ops {

/// A matrix in memory, in rows of neighbouring numbers.
struct Numbers {
  const void* data;
  bool is_bfloat16;     // else float32
  std::int64_t stride;  // from a row to the next, in numbers
  std::int64_t rows;
  std::int64_t columns;
};

/// Words [panels, words, tile_columns] of the factors at `first_word` and following, for the
/// `columns` columns at `first_column` and following of the right matrix [factors, columns]. A panel
/// begins `panel_words` words after the one before. `is_transposed`: the matrix is given as
/// [columns, factors]. What lies outside of it is zero. A float32 is rounded to nearest even for
/// products of bfloat16.
struct RightPanels {
  std::int64_t first_word;
  std::int64_t words;
  std::int64_t first_column;
  std::int64_t columns;
  std::int64_t panel_words;
};
void pack_right(Arithmetic arithmetic, const Numbers& matrix, bool is_transposed,
                const RightPanels& panels, Word* out);

/// Words [groups, words, tile_rows] of the left matrix, which is given as [factors, rows], for its
/// `rows` rows at `first_row` and following, in groups of tile_rows. A group begins `group_words`
/// words after the one before.
struct LeftPanel {
  std::int64_t first_word;
  std::int64_t words;
  std::int64_t first_row;
  std::int64_t rows;  // those outside of the matrix are zero
  std::int64_t group_words;
};
void pack_left_transposed(Arithmetic arithmetic, const Numbers& matrix, const LeftPanel& panel,
                          Word* out);

}  // namespace aero::ops
