#pragma once

#include <cstdint>

// Layouts for matrix products. A bfloat16 is a uint16_t, by its bits; strides count elements.

namespace aero::ops {

/// The shape in which the products take a right factor: row-major for float; for bfloat16 pairs of
/// rows are interleaved (x[2r][c] beside x[2r+1][c]), as the processor's dot product wants them.
/// The right factor x [rows, columns], of `padded_rows` (even) rows, those beyond x zero.
void pack(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
          std::int64_t padded_rows, float* out);
void pack(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
          std::int64_t padded_rows, std::uint16_t* out);

/// The right factor x^T [columns, padded_rows]; `columns` is even for bfloat16.
void pack_transposed(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                     std::int64_t padded_rows, float* out);
void pack_transposed(const std::uint16_t* x, std::int64_t stride, std::int64_t rows,
                     std::int64_t columns, std::int64_t padded_rows, std::uint16_t* out);

/// x^T [columns, padded_rows] in row-major order.
void transpose(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t padded_rows, float* out);
void transpose(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
               std::int64_t padded_rows, std::uint16_t* out);

}  // namespace aero::ops
