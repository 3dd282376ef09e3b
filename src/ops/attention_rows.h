#pragma once

#include <cstdint>

// The steps of the CPU attention kernel between its matrix products. A bfloat16 is given by its
// bits, as a uint16_t. Strides and leading dimensions count elements. Outputs overlap no other
// argument.

namespace aero::ops {

/// Describes query rows first, first + 1, .... exponentiate() turns their products q.k into
/// exponentials e^(s - largest) of the scores s = scale q.k, 0 for hidden keys. `columns` is a
/// multiple of 32 and the leading dimension of both.
struct SoftmaxRows {
  std::int64_t first;
  std::int64_t rows;
  std::int64_t columns;
  const float* scale;  // of each row, as are all below
  float* largest;      // max s
  float* log_sum;      // log sum e^(s - largest)
  float* mean;         // E_a[s] - largest
  float* inverse_sum;
};
void exponentiate(const SoftmaxRows& rows, float* products, float* exponentials);
void exponentiate(const SoftmaxRows& rows, float* products, std::uint16_t* exponentials);

/// The numbers that the backward pass reads for each query, and the sum that it adds to.
struct QueryColumns {
  const float* scale;
  const float* largest;
  const float* log_sum;
  const float* mean;
  const float* gradient_dot;      // D = gradient of the output . output
  const float* entropy_gradient;  // g
  float* temperature_sum;         // sum_j ds_ij (s_ij - largest_i)
};

/// A tile of keys by queries. The key of row r is visible to the queries `diagonal + r` and later
/// ones. The leading dimension of all is `columns`, a multiple of 32. differentiate() computes from
/// the products q.k and `da` the probabilities a and scale ds, with ds = a (da - D - g (s -
/// E_a[s])).
struct ScoreTile {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t diagonal;  // negative for a tile below the diagonal
};
void differentiate(const ScoreTile& tile, const QueryColumns& queries, const float* products,
                   const float* da, float* a, float* ds);
void differentiate(const ScoreTile& tile, const QueryColumns& queries, const float* products,
                   const float* da, std::uint16_t* a, std::uint16_t* ds);

/// Sets out[r][c] = x[r][c] * factor[r], or x[r][c] without factors. x has no gaps between its
/// rows.
void store(const float* x, const float* factor, std::int64_t rows, std::int64_t columns, float* out,
           std::int64_t stride);
void store(const float* x, const float* factor, std::int64_t rows, std::int64_t columns,
           std::uint16_t* out, std::int64_t stride);

/// Sets out[r] = x[r] . y[r].
void dot_rows(const float* x, std::int64_t x_stride, const float* y, std::int64_t y_stride,
              std::int64_t rows, std::int64_t columns, float* out);
void dot_rows(const std::uint16_t* x, std::int64_t x_stride, const std::uint16_t* y,
              std::int64_t y_stride, std::int64_t rows, std::int64_t columns, float* out);

}  // namespace aero::ops
