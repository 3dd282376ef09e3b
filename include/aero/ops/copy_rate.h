#pragma once

#include <torch/types.h>

#include <cstdint>

namespace aero::ops {

/// Measures how fast a device copies random numbers of `bytes` within its memory, in bytes/s,
/// counting both bytes read and bytes written. Returns the best of a few tries, which take about
/// `seconds` in all.
double copy_rate(torch::Device device, std::int64_t bytes, double seconds);

}  // namespace aero::ops
