#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>

namespace aero::ops {

/// A generator on the CPU that all 64 bits of the seed decide; LibTorch's own takes the lower 32
/// alone. Below 2^32 it is the same generator; above, the Mersenne Twister starts from both halves
/// by init_by_array of its authors (Matsumoto and Nishimura 2002).
at::Generator make_generator(std::uint64_t seed);

/// Seeds the default generators of all devices alike.
void seed_default_generators(std::uint64_t seed);

}  // namespace aero::ops
