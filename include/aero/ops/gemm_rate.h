#pragma once

#include <torch/types.h>

#include <cstdint>

namespace aero::ops {

/// Measures how fast a device multiplies matrices [n, n] x [n, n] of random numbers, in FLOP/s
/// (2 n^3 operations each). Returns the best of a few tries, which take about `seconds` in all.
/// Where a product of size n would take far longer, measures size n / 8. A share of the GEMM peak
/// (MFU) refers to this rate.
double gemm_rate(torch::ScalarType dtype, torch::Device device, std::int64_t n, double seconds);

}  // namespace aero::ops
