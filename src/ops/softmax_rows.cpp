#include "softmax_rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace aero::ops {
namespace {

constexpr std::int64_t lanes_a_step = 16;
constexpr std::int64_t sum_length = 1024;  // float32 sums are this long

/// e^x for x <= 0 to 2 units in the last place, 0 below -87.3; NaN stays NaN. After Cephes' expf: x
/// = n ln 2 + r, |r| <= ln 2 / 2. Without a branch, so that loops over it become vector code.
[[gnu::always_inline]] inline float exp_of_nonpositive(float x) {
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F;
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round_bias =
      12582912.0F;  // 1.5 2^23: adding it rounds to an integer in the low bits
  constexpr float lowest = -87.3F;
  const float clamped = x < lowest ? lowest : x;
  const float shifted = clamped * log2_e + round_bias;
  const float n = shifted - round_bias;
  const float r = (clamped - n * ln2_high) - n * ln2_low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto exponent = std::bit_cast<std::uint32_t>(shifted) << 23U;
  const auto result = std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + exponent);
  return x < lowest ? 0.0F : result;
}

[[gnu::always_inline]] inline float widen(float x) {
  return x;
}
[[gnu::always_inline]] inline float widen(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

[[gnu::always_inline]] inline void narrow(float x, float& out) {
  out = x;
}
/// To bfloat16, to nearest even; every value here is finite or a NaN whose high bits say so.
[[gnu::always_inline]] inline void narrow(float x, std::uint16_t& out) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  out = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

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

  double sum = 0;
  for (std::int64_t start = 0; start < whole; start += sum_length) {
    const auto end = std::min(start + sum_length, whole);
    lanes.fill(0);
    for (std::int64_t i = start; i < end; i += lanes_a_step) {
      for (std::int64_t lane = 0; lane < lanes_a_step; ++lane) {
        const float e = exp_of_nonpositive(scratch[i + lane] - largest);
        scratch[i + lane] = e;
        lanes[lane] += e;
      }
    }
    for (const float lane : lanes) sum += lane;
  }
  for (std::int64_t i = whole; i < n; ++i) {
    scratch[i] = exp_of_nonpositive(scratch[i] - largest);
    sum += scratch[i];
  }

  if (gradient_scale != 0) {
    const auto factor = static_cast<float>(gradient_scale / sum);
    for (std::int64_t i = 0; i < n; ++i) narrow(scratch[i] * factor, z[i]);
    narrow(scratch[target] * factor - gradient_scale, z[target]);
  }
  // In this order, for the difference of the logits is exact where large ones meet.
  return std::log(sum) + (largest - target_logit);
}

}  // namespace

// Compiled once for each of these processors and chosen when the program starts: the build need not
// know where it will run.
#ifdef __x86_64__
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#endif
double
cross_entropy_row(float* z, std::int64_t n, std::int64_t target, float gradient_scale,
                  float* scratch) {
  return row(z, n, target, gradient_scale, scratch);
}

#ifdef __x86_64__
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#endif
double
cross_entropy_row(std::uint16_t* z, std::int64_t n, std::int64_t target, float gradient_scale,
                  float* scratch) {
  return row(z, n, target, gradient_scale, scratch);
}

}  // namespace aero::ops
