#pragma once

#include "half_numbers.h"
#include "number_type.h"

#include <cuda_runtime.h>

// What the launches of kernels have in common.

namespace aero::ops {

inline cudaLaunchConfig_t launch_config(dim3 blocks, unsigned threads, void* stream) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = static_cast<cudaStream_t>(stream);
  return config;
}

inline const char* error_text(cudaError_t error) {
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

/// Returns use(number) for a number of that type.
template <class Use>
auto with_number(NumberType type, Use use) {
  switch (type) {
    case NumberType::bfloat16:
      return use(__nv_bfloat16());
    case NumberType::float16:
      return use(__half());
    case NumberType::float32:
      break;
  }
  return use(float());
}

/// Counts the multiprocessors of the current device.
inline int multiprocessors() {
  int device = 0;
  int count = 1;
  if (cudaGetDevice(&device) == cudaSuccess) {
    cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device);
  }
  return count;
}

}  // namespace aero::ops
