#pragma once

namespace aero::ops {

/// What a CUDA kernel reads or writes, where it takes several. Plain, for both compilers.
enum class NumberType { float32, bfloat16, float16 };

}  // namespace aero::ops
