#pragma once

#include <cstdint>

// What the CUDA kernels of entropy_attention ask for. Plain types: they are compiled without
// LibTorch's headers, and this without CUDA's.

namespace aero::ops {

enum class HalfType { bfloat16, float16 };

/// [B, H, T, d_k], d_k contiguous; strides of the others in elements. Rows begin on 16 bytes.
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

/// As AttentionRows: all but the output are [B, H, T].
struct CudaAttentionRows {
  CudaHeads output;
  float* largest;
  float* log_sum;
  float* mean;
};

struct CudaAttentionGradients {
  CudaHeads output;      // given
  const float* entropy;  // given, [B, H, T]
  CudaHeads queries;     // these are to be filled
  CudaHeads keys;
  CudaHeads values;
  float* temperature_sum;  // [B, H, T]
  float* dots;             // [B, H, T], room for the rows of dout . out
};

/// Whether the current device has the instructions (sm_80 on).
bool has_cuda_attention();

/// Queued on `stream`, a cudaStream_t of the current device. Return what CUDA has against it,
/// nullptr for nothing. The same bits each time: nothing is added by atomics.
const char* cuda_attention(const CudaAttention& inputs, const CudaAttentionRows& rows,
                           void* stream);
const char* differentiate_cuda_attention(const CudaAttention& inputs, const CudaAttentionRows& rows,
                                         const CudaAttentionGradients& gradients, void* stream);

}  // namespace aero::ops
