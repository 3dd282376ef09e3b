#pragma once

// Vectors of AVX-512. Only functions marked AERO_AVX512 may use them, once the program has found
// that the processor has these instructions.

#ifdef AERO_X86

#include <immintrin.h>

#include <cstdint>

#define AERO_AVX512 gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")

namespace aero::ops {

constexpr std::int64_t vector_words = 16;  // of 32 bits

/// A vector as the compiler's own operators take it. GCC 12 warns of its intrinsics for shifts and
/// shuffles.
using Words [[gnu::vector_size(64)]] = std::uint32_t;

/// Selects the first `count` words of a vector; none if negative.
inline __mmask16 first_words(std::int64_t count) {
  if (count >= vector_words) return 0xFFFF;
  return count <= 0 ? 0 : static_cast<__mmask16>((1U << static_cast<unsigned>(count)) - 1U);
}

}  // namespace aero::ops

#endif
