#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Rate of a matrix product [n, n] x [n, n] of random numbers in FLOP/s (2 n^3 operations each),
/// the best of a few tries that take about `seconds` in all; that of a product of n / 8 where one
/// of n would take far longer. What a share of the GEMM peak (MFU) refers to.
double gemm_rate(torch::ScalarType dtype, torch::Device device, std::int64_t n, double seconds);

}  // namespace aero::ops
