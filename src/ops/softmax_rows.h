#pragma once

#include <cstdint>

namespace aero::ops {

/// Returns logsumexp(z) - z[target] of one row of logits on the CPU, computed in float32 with the
/// sum of exponentials in float64. Unless `gradient_scale` is 0, replaces the row by gradient_scale
/// (softmax(z) - onehot(target)). `scratch` has room for `n` floats. A NaN or +inf among the logits
/// gives a NaN.
double cross_entropy_row(float* z, std::int64_t n, std::int64_t target, float gradient_scale,
                         float* scratch);

/// Does the same for bfloat16, given by its bits.
double cross_entropy_row(std::uint16_t* z, std::int64_t n, std::int64_t target,
                         float gradient_scale, float* scratch);

}  // namespace aero::ops
