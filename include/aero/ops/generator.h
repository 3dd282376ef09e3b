#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

namespace aero::ops {

/// Makes a generator on the CPU that depends on all 64 bits of the seed; LibTorch's uses only the
/// lower 32. Below 2^32 it equals LibTorch's. Above, the Mersenne Twister starts from both halves
/// by init_by_array of its authors (Matsumoto and Nishimura 2002).
at::Generator make_generator(std::uint64_t seed);

/// Seeds the default generators of all devices with the same seed.
void seed_default_generators(std::uint64_t seed);

}  // namespace aero::ops
