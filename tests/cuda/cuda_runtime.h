#pragma once

#include <ucontext.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

// As much of CUDA as the kernels use, on the CPU, so that their code also runs where there is no
// GPU. The threads of a block take turns: each runs until it waits for the others. All must come by
// the same waits, a shuffle's among them.

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

struct dim3 {
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
  unsigned x, y, z;
};

inline dim3 threadIdx = 0;
inline dim3 blockIdx = 0;
inline dim3 gridDim = 0;

namespace emulation {

class Block {
 public:
  Block(unsigned threads, std::function<void()> kernel)
      : kernel_(std::move(kernel)), threads_(threads) {}

  void run() {
    running_ = this;
    for (auto& thread : threads_) {
      getcontext(&thread.context);
      thread.context.uc_stack.ss_sp = thread.stack.get();
      thread.context.uc_stack.ss_size = stack_bytes;
      thread.context.uc_link = &scheduler_;
      makecontext(&thread.context, &Block::work, 0);
    }
    for (std::size_t left = threads_.size(); left > 0;) {
      for (unsigned i = 0; i < threads_.size(); ++i) {
        if (threads_[i].is_done) continue;
        threadIdx = i;
        swapcontext(&scheduler_, &threads_[i].context);
        if (threads_[i].is_done) --left;
      }
    }
  }

  static void wait() { swapcontext(&me().context, &running_->scheduler_); }

  /// use(of), where of(i) is what thread i of the block brings.
  template <class Value, class Use>
  static auto share(const Value& mine, Use use) {
    static_assert(sizeof mine <= slot_bytes);
    std::memcpy(me().slot.data(), &mine, sizeof mine);
    wait();
    const auto result = use([](unsigned thread) {
      Value value;
      std::memcpy(&value, running_->threads_[thread].slot.data(), sizeof value);
      return value;
    });
    wait();  // until all have read
    return result;
  }

 private:
  static constexpr std::size_t stack_bytes = 32768;
  static constexpr std::size_t slot_bytes = 32;

  struct Thread {
    ucontext_t context{};
    std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(stack_bytes);
    std::array<std::byte, slot_bytes> slot{};
    bool is_done = false;
  };

  static Thread& me() { return running_->threads_[threadIdx.x]; }

  static void work() {
    running_->kernel_();
    me().is_done = true;
  }

  inline static Block* running_ = nullptr;

  std::function<void()> kernel_;
  std::vector<Thread> threads_;
  ucontext_t scheduler_{};
};

}  // namespace emulation

inline void __syncthreads() {
  emulation::Block::wait();
}

inline float __shfl_xor_sync(unsigned /*mask*/, float x, int bits) {
  return emulation::Block::share(
      x, [&](auto of) { return of(threadIdx.x ^ static_cast<unsigned>(bits)); });
}

inline float __fadd_rn(float a, float b) {
  return a + b;
}

inline float __expf(float x) {
  return std::exp(x);
}

using cudaStream_t = void*;

enum cudaError_t { cudaSuccess };

enum cudaDeviceAttr { cudaDevAttrComputeCapabilityMajor, cudaDevAttrMultiProcessorCount };

inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int /*device*/) {
  *value = attribute == cudaDevAttrMultiProcessorCount ? 4 : 8;
  return cudaSuccess;
}

inline const char* cudaGetErrorString(cudaError_t /*error*/) {
  return "";
}

struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  cudaStream_t stream = nullptr;
};

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments... arguments) {
  const auto [width, height, depth] = config->gridDim;
  gridDim = config->gridDim;
  for (unsigned i = 0; i < width * height * depth; ++i) {
    blockIdx = {i % width, i / width % height, i / width / height};
    emulation::Block(config->blockDim.x, [&] { kernel(arguments...); }).run();
  }
  return cudaSuccess;
}
