#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Rate of a copy within a device's memory in bytes/s, those read and those written, of random
/// numbers of so many bytes; the best of a few tries that take about `seconds` in all.
double copy_rate(torch::Device device, std::int64_t bytes, double seconds);

}  // namespace aero::ops
