#pragma once

namespace aero::ops {

/// Says what a CUDA kernel reads or writes, where it takes several types. It is plain, for nvcc and
/// the C++ compiler both see it.
enum class NumberType { float32, bfloat16, float16 };

}  // namespace aero::ops
