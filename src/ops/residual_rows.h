#pragma once

#include "number_type.h"

#include <cstdint>

// The interface of CUDA kernels on the residual stream. Its types are plain, because nvcc compiles
// the kernels without LibTorch's headers, and callers are compiled without CUDA's.

namespace aero::ops {

/// The numbers of a stream [count], float32, and those of a branch that joins it or of a layer's
/// input made of it, which have a type of their own. All addresses are multiples of 32 bytes.
struct CudaResidual {
  std::int64_t count;
  NumberType type;  // of branches, of casts and of their gradients
};

/// sum = x + branch, and y = sum, rounded. Each may be null: what is not there counts as 0, and is
/// not stored. So this is also the backward pass, which adds the gradients of sum and y, and rounds
/// the result for the branch.
struct CudaCastOfSum {
  const float* x;
  const void* branch;
  float* sum;
  void* y;
};

/// y = beta h + f / alpha.
struct CudaScaledSum {
  const float* h;
  const void* f;
  const float* alpha;  // [1]
  const float* beta;   // [1]
};

struct CudaScaledSumGradients {
  const float* y;  // given
  float* h;        // these are to be filled
  void* f;
  float* alpha;     // [1]
  float* beta;      // [1]
  float* partials;  // room for scaled_sum_partials() numbers
};

/// Counts the numbers in the sums that blocks make on the current device.
std::int64_t scaled_sum_partials(const CudaResidual& residual);

/// These queue their work on `stream`, a cudaStream_t of the current device, and return CUDA's
/// error message, or nullptr. One card gives the same bits each time.
const char* cast_of_sum(const CudaResidual& residual, const CudaCastOfSum& numbers, void* stream);
const char* scaled_sum(const CudaResidual& residual, const CudaScaledSum& numbers, float* y,
                       void* stream);
const char* differentiate_scaled_sum(const CudaResidual& residual, const CudaScaledSum& numbers,
                                     const CudaScaledSumGradients& gradients, void* stream);

}  // namespace aero::ops
