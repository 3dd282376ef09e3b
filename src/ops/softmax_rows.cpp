#include "softmax_rows.h"

#include "lanes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace aero::ops {
namespace {

constexpr std::int64_t sum_length = 1024;  // of a float32 sum

template <class T>
[[gnu::always_inline]] inline double row(T* z, std::int64_t n, std::int64_t target,
                                         float gradient_scale, float* scratch) {
  const auto whole = n / lanes_a_step * lanes_a_step;
  std::array<float, lanes_a_step> lanes;
  lanes.fill(-std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < whole; i += lanes_a_step) {
    for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
      const float x = widen(z[i + lane]);
      scratch[i + lane] = x;
      lanes[lane] = x > lanes[lane] ? x : lanes[lane];
    }
  }
  float largest = *std::max_element(lanes.begin(), lanes.end());
  for (std::int64_t i = whole; i < n; ++i) {
    scratch[i] = widen(z[i]);
    largest = std::max(largest, scratch[i]);
  }
  const double target_logit = scratch[target];

  const float lowest = lowest_exponent();
  double sum = 0;
  for (std::int64_t start = 0; start < whole; start += sum_length) {
    const auto end = std::min(start + sum_length, whole);
    lanes.fill(0);
    for (std::int64_t i = start; i < end; i += lanes_a_step) {
      for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
        const float e = exp_of_nonpositive(scratch[i + lane] - largest, lowest);
        scratch[i + lane] = e;
        lanes[lane] += e;
      }
    }
    for (const float lane : lanes) sum += lane;
  }
  for (std::int64_t i = whole; i < n; ++i) {
    scratch[i] = exp_of_nonpositive(scratch[i] - largest, lowest);
    sum += scratch[i];
  }

  if (gradient_scale != 0) {
    const auto factor = static_cast<float>(gradient_scale / sum);
    for (std::int64_t i = 0; i < n; ++i) narrow(scratch[i] * factor, z[i]);
    narrow(scratch[target] * factor - gradient_scale, z[target]);
  }
  // In this order, the difference of large logits is exact.
  return std::log(sum) + (largest - target_logit);
}

}  // namespace

AERO_FOR_EACH_PROCESSOR double cross_entropy_row(float* z, std::int64_t n, std::int64_t target,
                                                 float gradient_scale, float* scratch) {
  return row(z, n, target, gradient_scale, scratch);
}

AERO_FOR_EACH_PROCESSOR double cross_entropy_row(std::uint16_t* z, std::int64_t n,
                                                 std::int64_t target, float gradient_scale,
                                                 float* scratch) {
  return row(z, n, target, gradient_scale, scratch);
}

}  // namespace aero::ops
