#pragma once

#include <cstdint>

// GELU of numbers on the CPU: bfloat16, given by its bits, computed in float32.

namespace aero::ops {

/// Lengths need not be whole vectors. Results may not overlap with what they are made from.
void gelu_exact(const std::uint16_t* x, std::int64_t count, std::uint16_t* y);
void gelu_tanh(const std::uint16_t* x, std::int64_t count, std::uint16_t* y);

/// Computes dx from the gradient dy of the result.
void differentiate_gelu_exact(const std::uint16_t* x, const std::uint16_t* dy, std::int64_t count,
                              std::uint16_t* dx);
void differentiate_gelu_tanh(const std::uint16_t* x, const std::uint16_t* dy, std::int64_t count,
                             std::uint16_t* dx);

}  // namespace aero::ops
