#include "attention_rows.h"

#include "lanes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace aero::ops {
namespace {

using Lanes = std::array<float, lanes_a_step>;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float lowest_shift =
    std::numeric_limits<float>::lowest();  // finite, because 0 * -inf is NaN

/// Adds by halves: in a chain of additions, each would wait for the one before.
[[gnu::always_inline]] inline float sum(Lanes lanes) {
  for (std::int64_t half = lanes_a_step / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

[[gnu::always_inline]] inline float max(Lanes lanes) {
  for (std::int64_t half = lanes_a_step / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) {
      const float other = lanes[lane + half];
      lanes[lane] = other > lanes[lane] ? other : lanes[lane];
    }
  }
  return lanes[0];
}

/// Computes one row, in which `visible` keys count. Turns products into scores in place, and the
/// hidden keys of the last step into -inf.
template <class T>
[[gnu::always_inline]] inline void exponentiate_row(std::int64_t visible, std::int64_t columns,
                                                    float scale, float* __restrict__ x,
                                                    T* __restrict__ e, float& largest_out,
                                                    float& sum_out, float& weighted_out) {
  const auto whole = visible / lanes_a_step * lanes_a_step;
  const auto end = (visible + lanes_a_step - 1) / lanes_a_step * lanes_a_step;
  Lanes lanes;
  lanes.fill(-infinity);
  for (std::int64_t j = 0; j < whole; j += lanes_a_step) {
    for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
      const float s = x[j + lane] * scale;
      x[j + lane] = s;
      lanes[lane] = s > lanes[lane] ? s : lanes[lane];
    }
  }
  if (whole < end) {
    const auto left = static_cast<std::int32_t>(visible - whole);
    for (std::int32_t lane = 0; lane < lanes_a_step; ++lane) {
      const float product = x[whole + lane] * scale;
      const float s = lane < left ? product : -infinity;
      x[whole + lane] = s;
      lanes[lane] = s > lanes[lane] ? s : lanes[lane];
    }
  }
  const float largest = max(lanes);

  const float lowest = lowest_exponent();
  Lanes sums;
  Lanes weighted;
  sums.fill(0);
  weighted.fill(0);
  for (std::int64_t j = 0; j < end; j += lanes_a_step) {
    for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
      const float shifted = x[j + lane] - largest;
      const float exponential = exp_of_nonpositive(shifted, lowest);
      sums[lane] += exponential;
      // A score of -inf has the weight 0, and 0 * -inf is NaN.
      weighted[lane] += exponential * (shifted < lowest ? lowest : shifted);
      narrow(exponential, e[j + lane]);
    }
  }
  for (auto j = end; j < columns; ++j) e[j] = T{0};
  largest_out = largest;
  sum_out = sum(sums);
  weighted_out = sum(weighted);
}

template <class T>
[[gnu::always_inline]] inline void exponentiate_rows(const SoftmaxRows& rows, float* products,
                                                     T* exponentials) {
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    float total = 0;
    float weighted = 0;
    exponentiate_row(rows.first + r + 1, rows.columns, rows.scale[r], products + r * rows.columns,
                     exponentials + r * rows.columns, rows.largest[r], total, weighted);
    rows.log_sum[r] = std::log(total);
    rows.mean[r] = weighted / total;
    rows.inverse_sum[r] = 1 / total;
  }
}

/// Computes columns [begin, end) of one row of a tile; those before `visible` are 0.
template <bool masked, class T>
[[gnu::always_inline]] inline void differentiate_columns(std::int64_t begin, std::int64_t end,
                                                         std::int64_t visible,
                                                         const QueryColumns& queries,
                                                         const float* __restrict__ products,
                                                         const float* __restrict__ da,
                                                         T* __restrict__ a, T* __restrict__ ds) {
  const float* __restrict__ scale = queries.scale;
  const float* __restrict__ largest = queries.largest;
  const float* __restrict__ log_sum = queries.log_sum;
  const float* __restrict__ mean = queries.mean;
  const float* __restrict__ dot = queries.gradient_dot;
  const float* __restrict__ g = queries.entropy_gradient;
  float* __restrict__ temperature_sum = queries.temperature_sum;
  const float lowest = lowest_exponent();
  for (std::int64_t i = begin; i < end; ++i) {
    const float shifted = products[i] * scale[i] - largest[i];
    float probability = exp_of_nonpositive(shifted - log_sum[i], lowest);
    const float bounded = shifted < lowest_shift ? lowest_shift : shifted;
    float d = probability * ((da[i] - dot[i]) - g[i] * (bounded - mean[i]));
    if constexpr (masked) {
      probability = i < visible ? 0.0F : probability;
      d = i < visible ? 0.0F : d;
      temperature_sum[i] += i < visible ? 0.0F : d * bounded;
    } else {
      temperature_sum[i] += d * bounded;
    }
    narrow(probability, a[i]);
    narrow(d * scale[i], ds[i]);
  }
}

template <class T>
[[gnu::always_inline]] inline void differentiate_tile(const ScoreTile& tile,
                                                      const QueryColumns& queries,
                                                      const float* products, const float* da, T* a,
                                                      T* ds) {
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const auto start = r * tile.columns;
    const auto visible = std::clamp<std::int64_t>(tile.diagonal + r, 0, tile.columns);
    const auto whole = visible / lanes_a_step * lanes_a_step;
    const auto first = (visible + lanes_a_step - 1) / lanes_a_step * lanes_a_step;
    std::fill_n(a + start, whole, T{0});
    std::fill_n(ds + start, whole, T{0});
    if (whole < first) {
      differentiate_columns<true>(whole, first, visible, queries, products + start, da + start,
                                  a + start, ds + start);
    }
    differentiate_columns<false>(first, tile.columns, visible, queries, products + start,
                                 da + start, a + start, ds + start);
  }
}

template <class T>
[[gnu::always_inline]] inline void store_rows(const float* __restrict__ x, const float* factor,
                                              std::int64_t rows, std::int64_t columns,
                                              T* __restrict__ out, std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float f = factor == nullptr ? 1.0F : factor[r];
    for (std::int64_t c = 0; c < columns; ++c) narrow(x[r * columns + c] * f, out[r * stride + c]);
  }
}

template <class T>
[[gnu::always_inline]] inline void dot_all_rows(const T* x, std::int64_t x_stride, const T* y,
                                                std::int64_t y_stride, std::int64_t rows,
                                                std::int64_t columns, float* out) {
  const auto whole = columns / lanes_a_step * lanes_a_step;
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* a = x + r * x_stride;
    const T* b = y + r * y_stride;
    Lanes lanes;
    lanes.fill(0);
    for (std::int64_t c = 0; c < whole; c += lanes_a_step) {
      for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
        lanes[lane] += widen(a[c + lane]) * widen(b[c + lane]);
      }
    }
    float total = sum(lanes);
    for (auto c = whole; c < columns; ++c) total += widen(a[c]) * widen(b[c]);
    out[r] = total;
  }
}

}  // namespace

AERO_FOR_EACH_PROCESSOR void exponentiate(const SoftmaxRows& rows, float* products,
                                          float* exponentials) {
  exponentiate_rows(rows, products, exponentials);
}

AERO_FOR_EACH_PROCESSOR void differentiate(const ScoreTile& tile, const QueryColumns& queries,
                                           const float* products, const float* da, float* a,
                                           float* ds) {
  differentiate_tile(tile, queries, products, da, a, ds);
}

AERO_FOR_EACH_PROCESSOR void store(const float* x, const float* factor, std::int64_t rows,
                                   std::int64_t columns, float* out, std::int64_t stride) {
  store_rows(x, factor, rows, columns, out, stride);
}

AERO_FOR_EACH_PROCESSOR void dot_rows(const float* x, std::int64_t x_stride, const float* y,
                                      std::int64_t y_stride, std::int64_t rows,
                                      std::int64_t columns, float* out) {
  dot_all_rows(x, x_stride, y, y_stride, rows, columns, out);
}

AERO_FOR_EACH_PROCESSOR void exponentiate(const SoftmaxRows& rows, float* products,
                                          std::uint16_t* exponentials) {
  exponentiate_rows(rows, products, exponentials);
}

AERO_FOR_EACH_PROCESSOR void differentiate(const ScoreTile& tile, const QueryColumns& queries,
                                           const float* products, const float* da, std::uint16_t* a,
                                           std::uint16_t* ds) {
  differentiate_tile(tile, queries, products, da, a, ds);
}

AERO_FOR_EACH_PROCESSOR void store(const float* x, const float* factor, std::int64_t rows,
                                   std::int64_t columns, std::uint16_t* out, std::int64_t stride) {
  store_rows(x, factor, rows, columns, out, stride);
}

AERO_FOR_EACH_PROCESSOR void dot_rows(const std::uint16_t* x, std::int64_t x_stride,
                                      const std::uint16_t* y, std::int64_t y_stride,
                                      std::int64_t rows, std::int64_t columns, float* out) {
  dot_all_rows(x, x_stride, y, y_stride, rows, columns, out);
}

}  // namespace aero::ops
