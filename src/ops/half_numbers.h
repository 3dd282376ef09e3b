#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

// Kernels compute in float32 and store its numbers, or numbers of 16 bits.

namespace aero::ops {

__device__ inline float widen(float x) {
  return x;
}
__device__ inline float widen(__nv_bfloat16 x) {
  return __bfloat162float(x);
}
__device__ inline float widen(__half x) {
  return __half2float(x);
}

/// Rounds to the nearest number, and ties to even.
template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow(float x) {
  return x;
}
template <>
__device__ inline __nv_bfloat16 narrow(float x) {
  return __float2bfloat16(x);
}
template <>
__device__ inline __half narrow(float x) {
  return __float2half(x);
}

}  // namespace aero::ops
