#pragma once

#include <cstdint>

namespace aero::ops {

/// One row of logits on the CPU. Returns logsumexp(z) - z[target], taken in float32 with the sum of
/// exponentials in float64. With `gradient_scale` other than 0 the row becomes gradient_scale
/// (softmax(z) - onehot(target)); with 0 it is left as it is. `scratch` has room for `n` floats.
/// A NaN or +inf among the logits gives a NaN.
double cross_entropy_row(float* z, std::int64_t n, std::int64_t target, float gradient_scale,
                         float* scratch);

/// The same for bfloat16, by its bits.
double cross_entropy_row(std::uint16_t* z, std::int64_t n, std::int64_t target,
                         float gradient_scale, float* scratch);

}  // namespace aero::ops
