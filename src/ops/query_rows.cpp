#include "query_rows.h"

#include "lanes.h"

#include <algorithm>
#include <array>

namespace aero::ops {
namespace {

/// Sums in lanes, so that the loop becomes vector code.
template <class T>
[[gnu::always_inline]] inline float dot(const float* x, const T* y, std::int64_t width) {
  std::array<float, lanes_a_step> lanes{};
  std::int64_t i = 0;
  for (; i + lanes_a_step <= width; i += lanes_a_step) {
    for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
      lanes[lane] += x[i + lane] * widen(y[i + lane]);
    }
  }
  for (std::int64_t half = lanes_a_step / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  float sum = lanes[0];
  for (; i < width; ++i) sum += x[i] * widen(y[i]);
  return sum;
}

template <class T>
[[gnu::always_inline]] inline void attend(const HeadRows<T>& head, float scale, float* scratch,
                                          T* out) {
  float* const weights = scratch;
  float* const query = weights + head.length;
  float* const mixed = query + head.width;
  for (std::int64_t i = 0; i < head.width; ++i) {
    query[i] = widen(head.query[i]) * scale;
    mixed[i] = 0;
  }
  for (std::int64_t j = 0; j < head.length; ++j) {
    weights[j] = dot(query, head.keys + j * head.key_stride, head.width);
  }
  const float largest = *std::max_element(weights, weights + head.length);
  const float lowest = lowest_exponent();
  for (std::int64_t j = 0; j < head.length; ++j) {
    weights[j] = exp_of_nonpositive(weights[j] - largest, lowest);
  }
  float sum = 0;
  for (std::int64_t j = 0; j < head.length; ++j) {
    const float weight = weights[j];
    const T* const value = head.values + j * head.value_stride;
    sum += weight;
    for (std::int64_t i = 0; i < head.width; ++i) mixed[i] += weight * widen(value[i]);
  }
  for (std::int64_t i = 0; i < head.width; ++i) narrow(mixed[i] / sum, out[i]);
}

}  // namespace

AERO_FOR_EACH_PROCESSOR void attend_query(const HeadRows<float>& head, float scale, float* scratch,
                                          float* out) {
  attend(head, scale, scratch, out);
}

AERO_FOR_EACH_PROCESSOR void attend_query(const HeadRows<std::uint16_t>& head, float scale,
                                          float* scratch, std::uint16_t* out) {
  attend(head, scale, scratch, out);
}

}  // namespace aero::ops
