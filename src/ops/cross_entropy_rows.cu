#include "cross_entropy_rows.h"
#include "half_numbers.h"

#include <cuda_runtime.h>

// A block computes a row in two sweeps: one for log-sum-exp, one that writes the gradient over the
// logits. On an H100, two rows of 50,000 bfloat16 per multiprocessor stay in L2 between the sweeps,
// so that device memory is read once and written once.

namespace aero::ops {
namespace {

constexpr int threads = 1024;
constexpr int blocks_a_multiprocessor = 2;
constexpr int warp_size = 32;
constexpr int warps = threads / warp_size;
constexpr std::int64_t ignored_target = -100;

/// The numbers that a thread loads and stores at once.
template <class T>
struct alignas(16) Pack {
  static constexpr int size = 16 / sizeof(T);
  T values[size];
};

/// The sum of e^(z - largest) over some logits. Without logits, `largest` is -inf and the sum 0.
struct Exponentials {
  float largest = -INFINITY;
  float sum = 0;
};

/// Computes e^(x - largest); 0 for -inf, also where all are -inf.
__device__ float shifted_exp(float x, float largest) {
  return __expf(x - (largest == -INFINITY ? 0.0F : largest));
}

__device__ Exponentials join(Exponentials a, Exponentials b) {
  Exponentials both;
  both.largest = fmaxf(a.largest, b.largest);
  both.sum =
      a.sum * shifted_exp(a.largest, both.largest) + b.sum * shifted_exp(b.largest, both.largest);
  return both;
}

/// Combines the sums of all threads, for all threads.
__device__ Exponentials of_block(Exponentials mine) {
  __shared__ Exponentials of_warps[warps];
  const auto of_warp = [](Exponentials x) {
    for (int step = warp_size / 2; step > 0; step /= 2) {
      Exponentials other;
      other.largest = __shfl_xor_sync(~0U, x.largest, step);
      other.sum = __shfl_xor_sync(~0U, x.sum, step);
      x = join(x, other);
    }
    return x;
  };
  mine = of_warp(mine);
  const auto lane = threadIdx.x % warp_size;
  if (lane == 0) of_warps[threadIdx.x / warp_size] = mine;
  __syncthreads();
  static_assert(warps == warp_size, "the last step is one warp's");
  return of_warp(of_warps[lane]);
}

/// Reads the logits of a pack in float32; -inf for unused columns.
template <class T>
__device__ void load(const Pack<T>& pack, int first_column, int vocabulary,
                     float (&z)[Pack<T>::size]) {
#pragma unroll
  for (int j = 0; j < Pack<T>::size; ++j) z[j] = widen(pack.values[j]);
  if (first_column + Pack<T>::size <= vocabulary) return;
#pragma unroll
  for (int j = 0; j < Pack<T>::size; ++j) {
    if (first_column + j >= vocabulary) z[j] = -INFINITY;
  }
}

template <class T>
__global__ void __launch_bounds__(threads, blocks_a_multiprocessor)
    work_on_row(T* logits, int vocabulary, int stride, const std::int64_t* targets, float room,
                bool with_gradient, float* losses) {
  constexpr int size = Pack<T>::size;
  T* const row = logits + blockIdx.x * static_cast<std::int64_t>(stride);
  auto* const packs = reinterpret_cast<Pack<T>*>(row);
  const int count = stride / size;
  const std::int64_t target = targets[blockIdx.x];
  if (target == ignored_target) {
    if (threadIdx.x == 0) losses[blockIdx.x] = 0;
    if (!with_gradient) return;
    Pack<T> zeros;
#pragma unroll
    for (int j = 0; j < size; ++j) zeros.values[j] = narrow<T>(0);
    for (int i = threadIdx.x; i < count; i += threads) packs[i] = zeros;
    return;
  }
  const float at_target = widen(row[target]);

  Exponentials mine;
  for (int i = threadIdx.x; i < count; i += threads) {
    float z[size];
    load(packs[i], i * size, vocabulary, z);
    float largest = mine.largest;
#pragma unroll
    for (int j = 0; j < size; ++j) largest = fmaxf(largest, z[j]);
    float sum = mine.sum * shifted_exp(mine.largest, largest);
#pragma unroll
    for (int j = 0; j < size; ++j) sum += shifted_exp(z[j], largest);
    mine.largest = largest;
    mine.sum = sum;
  }
  const Exponentials all = of_block(mine);  // after this, all threads have read the target's logit
  const float log_sum = logf(all.sum);
  // In this order, the difference of large logits is exact.
  if (threadIdx.x == 0) losses[blockIdx.x] = log_sum + (all.largest - at_target);
  if (!with_gradient) return;

  for (int i = threadIdx.x; i < count; i += threads) {
    auto pack = packs[i];
    float z[size];
    load(pack, i * size, vocabulary, z);
#pragma unroll
    for (int j = 0; j < size; ++j) {
      const float p = __expf(z[j] - all.largest - log_sum);
      pack.values[j] = narrow<T>(room * (i * size + j == target ? p - 1 : p));
    }
    packs[i] = pack;
  }
}

template <class T>
cudaError_t launch(const CudaLogits& rows, const std::int64_t* targets, float room,
                   bool with_gradient, float* losses, void* stream) {
  cudaLaunchConfig_t config{};
  config.gridDim = static_cast<unsigned>(rows.rows);
  config.blockDim = threads;
  config.stream = static_cast<cudaStream_t>(stream);
  return cudaLaunchKernelEx(&config, work_on_row<T>, static_cast<T*>(rows.logits),
                            static_cast<int>(rows.vocabulary), static_cast<int>(rows.stride),
                            targets, room, with_gradient, losses);
}

}  // namespace

const char* cross_entropy_rows(const CudaLogits& rows, const std::int64_t* targets, float room,
                               bool with_gradient, float* losses, void* stream) {
  if (rows.rows == 0) return nullptr;
  auto error = cudaSuccess;
  switch (rows.type) {
    case NumberType::float32:
      error = launch<float>(rows, targets, room, with_gradient, losses, stream);
      break;
    case NumberType::bfloat16:
      error = launch<__nv_bfloat16>(rows, targets, room, with_gradient, losses, stream);
      break;
    case NumberType::float16:
      error = launch<__half>(rows, targets, room, with_gradient, losses, stream);
      break;
  }
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace aero::ops
