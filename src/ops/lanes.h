#pragma once

#include <bit>
#include <cstdint>

// Arithmetic on single numbers without branches, so that loops over it become vector code. It is
// always inlined, and so compiled for the same processor as the function around it.

// In front of a function, makes the compiler compile it for each of these processors. The program
// chooses one when it starts, so the build need not know where the program will run.
#ifdef AERO_X86
#define AERO_FOR_EACH_PROCESSOR \
  [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define AERO_FOR_EACH_PROCESSOR
#endif

namespace aero::ops {

constexpr std::int64_t lanes_a_step = 16;

/// Returns the least exponent for exp_of_nonpositive, hidden from the optimiser. With a constant,
/// the optimiser would make a branch of the comparison, and loops with a branch do not become
/// vector code.
[[gnu::always_inline]] inline float lowest_exponent() {
  float x = -88.0F;
  asm("" : "+m"(x));
  return x;
}

/// Computes e^x for x <= 0 to 2 units in the last place; 0 below 2^-126 (x < -87.34), NaN for NaN.
/// After Cephes' expf: x = n ln 2 + r, |r| <= ln 2 / 2. At `lowest`, as above, n = -127 and r > 0:
/// the exponent becomes 0, never negative.
[[gnu::always_inline]] inline float exp_of_nonpositive(float x, float lowest) {
  constexpr float log2_e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F;
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round_bias =
      12582912.0F;  // 1.5 2^23: adding it rounds to an integer in the low bits
  constexpr std::uint32_t smallest_normal = 1U << 23U;
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
  const auto bits = std::bit_cast<std::uint32_t>(p) + exponent;
  return std::bit_cast<float>(bits < smallest_normal ? 0U : bits);
}

[[gnu::always_inline]] inline float widen(float x) {
  return x;
}
/// Converts the bits of a bfloat16.
[[gnu::always_inline]] inline float widen(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

[[gnu::always_inline]] inline void narrow(float x, float& out) {
  out = x;
}
/// Rounds to bfloat16, to nearest even. x is finite, infinite, or a NaN whose high bits say so.
[[gnu::always_inline]] inline void narrow(float x, std::uint16_t& out) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  out = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

}  // namespace aero::ops
