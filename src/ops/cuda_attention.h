#pragma once

#include <cstdint>

// The interface of the CUDA kernels of entropy_attention. It has plain types only, because nvcc
// compiles the kernels without LibTorch's headers, and callers are compiled without CUDA's.

namespace aero::ops {

enum class HalfType { bfloat16, float16 };

/// [B, H, T, d_k], contiguous in d_k, with strides of the others in elements. Rows begin at
/// multiples of 16 bytes.
struct CudaHeads {
  void* data;
  std::int64_t batch;
  std::int64_t head;
  std::int64_t row;
};

struct CudaAttention {
  HalfType type;
  int batch;
  int heads;
  int length;
  int width;  // d_k: 32 or 64
  CudaHeads queries;
  CudaHeads keys;
  CudaHeads values;
  const float* row_scale;  // [H, T]
};

/// The same as AttentionRows: all but the output are [B, H, T].
struct CudaAttentionRows {
  CudaHeads output;
  float* largest;
  float* log_sum;
  float* mean;
};

struct CudaAttentionGradients {
  CudaHeads output;      // given
  const float* entropy;  // given, [B, H, T]
  CudaHeads queries;     // this and those below are filled
  CudaHeads keys;
  CudaHeads values;
  float* temperature_sum;  // [B, H, T]
  float* dots;             // [B, H, T], scratch for dout . out of each row
};

/// Whether the current device has the instructions (from sm_80 on).
bool has_cuda_attention();

/// These queue the work on `stream`, a cudaStream_t of the current device, and return CUDA's error,
/// or nullptr. They use no atomic additions, so they always give the same bits.
const char* cuda_attention(const CudaAttention& inputs, const CudaAttentionRows& rows,
                           void* stream);
const char* differentiate_cuda_attention(const CudaAttention& inputs, const CudaAttentionRows& rows,
                                         const CudaAttentionGradients& gradients, void* stream);

}  // namespace aero::ops
