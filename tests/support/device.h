#pragma once

#include <ATen/Context.h>
#include <torch/types.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace aero::testing_support {

/// Where the tests of what runs on any device run: AERO_TEST_DEVICE (cuda, cuda:1), else the CPU.
inline torch::Device test_device() {
  const char* const name = std::getenv("AERO_TEST_DEVICE");
  const torch::Device device(name == nullptr || *name == '\0' ? "cpu" : name);
  if (device.is_cuda() && !at::hasCUDA()) {
    throw std::runtime_error(std::string("AERO_TEST_DEVICE=") + name +
                             ": this LibTorch or machine has no CUDA device");
  }
  return device;
}

inline bool tests_the_cpu() {
  return test_device().is_cpu();
}

/// x on the test's device: itself on the CPU, else a copy with its strides, through which gradients
/// flow.
inline torch::Tensor there(const torch::Tensor& x) {
  return x.defined() ? x.to(test_device()) : x;
}

inline torch::Tensor back(const torch::Tensor& x) {
  return x.defined() ? x.to(torch::kCPU) : x;
}

/// Kernels of other devices add in another order, or in another way than the CPU's.
inline double tolerance(double on_the_cpu, double elsewhere) {
  return tests_the_cpu() ? on_the_cpu : elsewhere;
}

}  // namespace aero::testing_support
