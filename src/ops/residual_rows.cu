#include "kernel_launch.h"
#include "residual_rows.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

// Each of these kernels reads and writes each number once. A thread takes packs of 8 numbers. Where
// a block sums, it writes partials, and one more block adds these up.

namespace aero::ops {
namespace {

constexpr int threads = 256;
constexpr int warp_size = 32;
constexpr int warps = threads / warp_size;
constexpr int size = 8;  // of a pack
constexpr int blocks_a_multiprocessor = 4;

template <class T>
struct alignas(size * sizeof(T)) Pack {
  T values[size];
};

/// Gives zeros beyond the last number, and where there are no numbers.
template <class T>
__device__ Pack<T> load(const T* numbers, std::int64_t first, std::int64_t count) {
  Pack<T> pack{};
  if (numbers == nullptr) return pack;
  if (first + size <= count) return *reinterpret_cast<const Pack<T>*>(numbers + first);
#pragma unroll
  for (int j = 0; j < size; ++j) {
    if (first + j < count) pack.values[j] = numbers[first + j];
  }
  return pack;
}

template <class T>
__device__ void store(const Pack<T>& pack, T* numbers, std::int64_t first, std::int64_t count) {
  if (numbers == nullptr) return;
  if (first + size <= count) {
    *reinterpret_cast<Pack<T>*>(numbers + first) = pack;
    return;
  }
#pragma unroll
  for (int j = 0; j < size; ++j) {
    if (first + j < count) numbers[first + j] = pack.values[j];
  }
}

template <class T>
__device__ Pack<T> rounded(const Pack<float>& pack) {
  Pack<T> out;
#pragma unroll
  for (int j = 0; j < size; ++j) out.values[j] = narrow<T>(pack.values[j]);
  return out;
}

template <class T>
__device__ void add(Pack<float>& sum, const Pack<T>& more) {
#pragma unroll
  for (int j = 0; j < size; ++j) sum.values[j] += widen(more.values[j]);
}

/// Calls work(first) for each pack of this thread.
template <class Work>
__device__ void for_each_pack(std::int64_t count, Work work) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * threads * size;
  for (std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x) * size;
       first < count; first += stride) {
    work(first);
  }
}

template <class T>
__global__ void __launch_bounds__(threads)
    add_and_cast(std::int64_t count, const float* x, const T* branch, float* sum, T* y) {
  for_each_pack(count, [&](std::int64_t first) {
    auto numbers = load(x, first, count);
    add(numbers, load(branch, first, count));
    store(numbers, sum, first, count);
    store(rounded<T>(numbers), y, first, count);
  });
}

template <class T>
__global__ void __launch_bounds__(threads)
    scale_and_add(std::int64_t count, const float* h, const T* f, const float* alpha,
                  const float* beta, float* y) {
  const float a = *alpha;
  const float b = *beta;
  for_each_pack(count, [&](std::int64_t first) {
    auto numbers = load(h, first, count);
    const auto more = load(f, first, count);
#pragma unroll
    for (int j = 0; j < size; ++j) {
      numbers.values[j] = b * numbers.values[j] + widen(more.values[j]) / a;
    }
    store(numbers, y, first, count);
  });
}

/// Adds x over all threads of the block; the first thread has the sum.
__device__ float over_block(float x) {
  __shared__ float of_warps[warps];
  for (int step = warp_size / 2; step > 0; step /= 2) x += __shfl_xor_sync(~0U, x, step);
  __syncthreads();  // until all have read what stood there
  if (threadIdx.x % warp_size == 0) of_warps[threadIdx.x / warp_size] = x;
  __syncthreads();
  float sum = 0;
  for (int i = 0; i < warps; ++i) sum += of_warps[i];
  return sum;
}

/// The partials are [2, blocks]: sums of dy f, then of dy h.
template <class T>
__global__ void __launch_bounds__(threads)
    differentiate_sum(std::int64_t count, const float* h, const T* f, const float* alpha,
                      const float* beta, const float* dy, float* dh, T* df, float* partials) {
  const float a = *alpha;
  const float b = *beta;
  float with_f = 0;
  float with_h = 0;
  for_each_pack(count, [&](std::int64_t first) {
    const auto given = load(dy, first, count);
    const auto of_h = load(h, first, count);
    const auto of_f = load(f, first, count);
    Pack<float> to_h;
    Pack<float> to_f;
#pragma unroll
    for (int j = 0; j < size; ++j) {
      with_f += given.values[j] * widen(of_f.values[j]);
      with_h += given.values[j] * of_h.values[j];
      to_h.values[j] = given.values[j] * b;
      to_f.values[j] = given.values[j] / a;
    }
    store(to_h, dh, first, count);
    store(rounded<T>(to_f), df, first, count);
  });
  with_f = over_block(with_f);
  with_h = over_block(with_h);
  if (threadIdx.x > 0) return;
  partials[blockIdx.x] = with_f;
  partials[gridDim.x + blockIdx.x] = with_h;
}

/// One block makes the gradients of alpha and beta of `count` partials each.
__global__ void add_scale_partials(const float* partials, int count, const float* alpha,
                                   float* dalpha, float* dbeta) {
  float with_f = 0;
  float with_h = 0;
  for (int i = threadIdx.x; i < count; i += threads) {
    with_f += partials[i];
    with_h += partials[count + i];
  }
  with_f = over_block(with_f);
  with_h = over_block(with_h);
  if (threadIdx.x > 0) return;
  *dalpha = -with_f / (*alpha * *alpha);
  *dbeta = with_h;
}

unsigned blocks_for(const CudaResidual& residual) {
  const std::int64_t needed = (residual.count + threads * size - 1) / (threads * size);
  const std::int64_t resident = blocks_a_multiprocessor * multiprocessors();
  return static_cast<unsigned>(std::min(needed, resident));
}

}  // namespace

std::int64_t scaled_sum_partials(const CudaResidual& residual) {
  return 2 * static_cast<std::int64_t>(blocks_for(residual));
}

const char* cast_of_sum(const CudaResidual& residual, const CudaCastOfSum& numbers, void* stream) {
  const auto config = launch_config(blocks_for(residual), threads, stream);
  return error_text(with_number(residual.type, [&](auto number) {
    using T = decltype(number);
    return cudaLaunchKernelEx(&config, add_and_cast<T>, residual.count, numbers.x,
                              static_cast<const T*>(numbers.branch), numbers.sum,
                              static_cast<T*>(numbers.y));
  }));
}

const char* scaled_sum(const CudaResidual& residual, const CudaScaledSum& numbers, float* y,
                       void* stream) {
  const auto config = launch_config(blocks_for(residual), threads, stream);
  return error_text(with_number(residual.type, [&](auto number) {
    using T = decltype(number);
    return cudaLaunchKernelEx(&config, scale_and_add<T>, residual.count, numbers.h,
                              static_cast<const T*>(numbers.f), numbers.alpha, numbers.beta, y);
  }));
}

const char* differentiate_scaled_sum(const CudaResidual& residual, const CudaScaledSum& numbers,
                                     const CudaScaledSumGradients& gradients, void* stream) {
  const unsigned blocks = blocks_for(residual);
  const auto config = launch_config(blocks, threads, stream);
  const auto error = with_number(residual.type, [&](auto number) {
    using T = decltype(number);
    return cudaLaunchKernelEx(&config, differentiate_sum<T>, residual.count, numbers.h,
                              static_cast<const T*>(numbers.f), numbers.alpha, numbers.beta,
                              gradients.y, gradients.h, static_cast<T*>(gradients.f),
                              gradients.partials);
  });
  if (error != cudaSuccess) return error_text(error);
  const auto last = launch_config(1, threads, stream);
  const float* const partials = gradients.partials;
  return error_text(cudaLaunchKernelEx(&last, add_scale_partials, partials,
                                       static_cast<int>(blocks), numbers.alpha, gradients.alpha,
                                       gradients.beta));
}

}  // namespace aero::ops
