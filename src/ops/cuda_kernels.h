#pragma once

#include "number_type.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/ScalarType.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace aero::ops {

/// Whether the .cu files are part of this build. Code under `if constexpr (has_cuda_kernels)` links
/// without them.
#ifdef AERO_CUDA_KERNELS
inline constexpr bool has_cuda_kernels = true;
#else
inline constexpr bool has_cuda_kernels = false;
#endif

/// Returns the current cudaStream_t of a CUDA device, without CUDA's headers.
inline void* current_cuda_stream(c10::Device device) {
  return c10::impl::getDeviceGuardImpl(device.type())->getStream(device).native_handle();
}

/// Converts a dtype, which must be one that kernels know.
inline NumberType number_type(c10::ScalarType dtype) {
  if (dtype == c10::kFloat) return NumberType::float32;
  return dtype == c10::kBFloat16 ? NumberType::bfloat16 : NumberType::float16;
}

}  // namespace aero::ops
