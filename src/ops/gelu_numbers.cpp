#include "gelu_numbers.h"

#include "lanes.h"

#include <cmath>

namespace aero::ops {
namespace {

/// Phi(x) and phi(x), the distribution and the density of a standard normal number.
struct Normal {
  float distribution;
  float density;
};

/// Phi to 1.5e-7, by the formula 7.1.26 for erf in Abramowitz and Stegun's handbook.
[[gnu::always_inline]] inline Normal normal(float x, float lowest) {
  constexpr float sqrt_half = 0.707106781F;
  constexpr float density_at_0 = 0.398942280F;
  const float z = std::fabs(x) * sqrt_half;
  const float t = 1.0F / (1.0F + 0.3275911F * z);
  const float e = exp_of_nonpositive(-z * z, lowest);
  float p = 1.061405429F;
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const float tail = 0.5F * p * t * e;
  return {x < 0 ? tail : 1.0F - tail, density_at_0 * e};
}

/// The approximation of Phi(x) by tanh is 1 / (1 + e^(-2 u)), and this is 2 u.
[[gnu::always_inline]] inline float twice_u(float x) {
  constexpr float factor = 1.59576912F;  // 2 sqrt(2 / pi)
  return factor * (x + 0.044715F * x * x * x);
}

[[gnu::always_inline]] inline float logistic(float x, float lowest) {
  const float e = exp_of_nonpositive(-std::fabs(x), lowest);
  return (x < 0 ? e : 1.0F) / (1.0F + e);
}

[[gnu::always_inline]] inline float tanh_derivative(float x, float lowest) {
  constexpr float factor = 1.59576912F;
  const float share = logistic(twice_u(x), lowest);
  // Beyond this, `share` is 0 or 1, and the cube of a large x would not be finite.
  const float near = std::fabs(x) < 16.0F ? x : 0.0F;
  return share + near * share * (1.0F - share) * factor * (1.0F + 0.134145F * near * near);
}

}  // namespace

AERO_FOR_EACH_PROCESSOR void gelu_exact(const std::uint16_t* x, std::int64_t count,
                                        std::uint16_t* __restrict__ y) {
  const float lowest = lowest_exponent();
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = widen(x[i]);
    narrow(value * normal(value, lowest).distribution, y[i]);
  }
}

AERO_FOR_EACH_PROCESSOR void gelu_tanh(const std::uint16_t* x, std::int64_t count,
                                       std::uint16_t* __restrict__ y) {
  const float lowest = lowest_exponent();
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = widen(x[i]);
    narrow(value * logistic(twice_u(value), lowest), y[i]);
  }
}

AERO_FOR_EACH_PROCESSOR void differentiate_gelu_exact(const std::uint16_t* x,
                                                      const std::uint16_t* dy, std::int64_t count,
                                                      std::uint16_t* __restrict__ dx) {
  const float lowest = lowest_exponent();
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = widen(x[i]);
    const auto [distribution, density] = normal(value, lowest);
    narrow(widen(dy[i]) * (distribution + value * density), dx[i]);
  }
}

AERO_FOR_EACH_PROCESSOR void differentiate_gelu_tanh(const std::uint16_t* x,
                                                     const std::uint16_t* dy, std::int64_t count,
                                                     std::uint16_t* __restrict__ dx) {
  const float lowest = lowest_exponent();
  for (std::int64_t i = 0; i < count; ++i) {
    narrow(widen(dy[i]) * tanh_derivative(widen(x[i]), lowest), dx[i]);
  }
}

}  // namespace aero::ops
