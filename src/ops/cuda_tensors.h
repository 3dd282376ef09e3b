#pragma once

#include <torch/types.h>

#include <cstdint>

// What callers of CUDA kernels do with tensors, any of which may be undefined.

namespace aero::ops {

/// Makes x contiguous, on an address of 32 bytes, so that kernels may load whole packs.
inline torch::Tensor aligned_rows(const torch::Tensor& x) {
  if (!x.defined()) return x;
  const auto contiguous = x.contiguous();
  const bool fits = reinterpret_cast<std::uintptr_t>(contiguous.const_data_ptr()) % 32 == 0;
  return fits ? contiguous : contiguous.clone();
}

inline float* numbers(const torch::Tensor& x) {
  return x.defined() ? x.data_ptr<float>() : nullptr;
}

inline void* address(const torch::Tensor& x) {
  return x.defined() ? x.data_ptr() : nullptr;
}

/// Tells whether kernels know the numbers of x, which is on a CUDA device.
inline bool has_known_numbers(const torch::Tensor& x) {
  const auto dtype = x.scalar_type();
  return x.is_cuda() &&
         (dtype == torch::kFloat32 || dtype == torch::kBFloat16 || dtype == torch::kFloat16);
}

}  // namespace aero::ops
