#pragma once

#include <cstdint>

// What the CPU attention kernel does between its matrix products. A bfloat16 is a uint16_t, by its
// bits. Strides and leading dimensions count elements. What is written overlaps nothing else.

namespace aero::ops {

/// Query rows first, first + 1, ...: scores s = scale q.k become exponentials e^(s - largest), 0
/// for hidden keys. `columns` is a multiple of 32 and the leading dimension of both.
struct SoftmaxRows {
  std::int64_t first;
  std::int64_t rows;
  std::int64_t columns;
  const float* scale;  // of each row, as all below
  float* largest;      // max s
  float* log_sum;      // log sum e^(s - largest)
  float* mean;         // E_a[s] - largest
  float* inverse_sum;
};
void exponentiate(const SoftmaxRows& rows, float* products, float* exponentials);
void exponentiate(const SoftmaxRows& rows, float* products, std::uint16_t* exponentials);

/// What the backward pass knows of each query, and the sum that it adds up.
struct QueryColumns {
  const float* scale;
  const float* largest;
  const float* log_sum;
  const float* mean;
  const float* gradient_dot;      // D = gradient of the output . output
  const float* entropy_gradient;  // g
  float* temperature_sum;         // sum_j ds_ij (s_ij - largest_i)
};

/// A tile of keys by queries. Row r shows the queries `diagonal + r` and beyond; the leading
/// dimension of all is `columns`, a multiple of 32. From the products q.k and `da` come the
/// probabilities a and scale ds, ds = a (da - D - g (s - E_a[s])).
struct ScoreTile {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t diagonal;  // negative for a tile below it
};
void differentiate(const ScoreTile& tile, const QueryColumns& queries, const float* products,
                   const float* da, float* a, float* ds);
void differentiate(const ScoreTile& tile, const QueryColumns& queries, const float* products,
                   const float* da, std::uint16_t* a, std::uint16_t* ds);

/// out[r][c] = x[r][c] * factor[r], or x[r][c] without factors. x has no gaps between its rows.
void store(const float* x, const float* factor, std::int64_t rows, std::int64_t columns, float* out,
           std::int64_t stride);
void store(const float* x, const float* factor, std::int64_t rows, std::int64_t columns,
           std::uint16_t* out, std::int64_t stride);

/// out[r] = x[r] . y[r]
void dot_rows(const float* x, std::int64_t x_stride, const float* y, std::int64_t y_stride,
              std::int64_t rows, std::int64_t columns, float* out);
void dot_rows(const std::uint16_t* x, std::int64_t x_stride, const std::uint16_t* y,
              std::int64_t y_stride, std::int64_t rows, std::int64_t columns, float* out);

}  // namespace aero::ops
