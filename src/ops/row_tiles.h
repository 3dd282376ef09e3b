#pragma once

#include "product_tile.h"

#include <cstdint>

// Inner products of rows with rows, in the registers of an x86 processor with AVX-512.

namespace aero::ops {

constexpr int tile_outputs = 4;  // whose rows of the right matrix are read together

/// Rows of neighbouring numbers of Arithmetic's type.
struct NumberRows {
  const void* data;
  std::int64_t stride;  // from a row to the next, in numbers
};

/// out [rows, outputs] = left [rows, factors] by the rows `first` to `last` of right [..., factors],
/// plus the bias of these outputs. `out` has its numbers in the type of the factors.
struct RowTile {
  NumberRows left;
  std::int64_t rows;
  NumberRows right;
  std::int64_t first;
  std::int64_t last;
  std::int64_t factors;
  const float* bias;  // of all outputs; may be null
  void* out;
  std::int64_t out_stride;
};

/// Whether this processor has the instructions.
bool has_row_tiles(Arithmetic arithmetic);

void multiply_row_tile(Arithmetic arithmetic, const RowTile& tile);

}  // namespace aero::ops
