#pragma once

#include <cstdint>

// Layouts for matrix products. A bfloat16 is a uint16_t, by its bits; strides count elements.

namespace aero::ops {

/// Lays out x [rows, columns] as the right factor of a product, with rows of zeros up to
/// `padded_rows` (even). The layout is row-major for float. For bfloat16, pairs of rows are
/// interleaved (x[2r][c] beside x[2r+1][c]), as the processor's dot product reads them.
void pack(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
          std::int64_t padded_rows, float* out);
void pack(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
          std::int64_t padded_rows, std::uint16_t* out);

/// Lays out x^T [columns, padded_rows] as the right factor; `columns` is even for bfloat16.
void pack_transposed(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                     std::int64_t padded_rows, float* out);
void pack_transposed(const std::uint16_t* x, std::int64_t stride, std::int64_t rows,
                     std::int64_t columns, std::int64_t padded_rows, std::uint16_t* out);

/// Writes x^T [columns, padded_rows] in row-major order.
void transpose(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t padded_rows, float* out);
void transpose(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t padded_rows, std::uint16_t* out);

}  // namespace aero::ops
