#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <cstdint>

namespace aero::testing_support {

/// Standard normal numbers, float64, from a generator of their own.
inline torch::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  return torch::randn(sizes, at::detail::createCPUGenerator(seed), torch::kFloat64);
}

/// Token ids below `vocab_size`.
inline torch::Tensor tokens(at::IntArrayRef sizes, std::int64_t vocab_size, std::uint64_t seed) {
  return torch::randint(vocab_size, sizes, at::detail::createCPUGenerator(seed), torch::kInt64);
}

inline double largest(const torch::Tensor& x) {
  return x.abs().max().item<double>();
}

/// Either may be on any device.
inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return largest(a.to(torch::kCPU, torch::kFloat64) - b.to(torch::kCPU, torch::kFloat64));
}

/// The largest difference over the largest entry of `expected`.
inline double relative_difference(const torch::Tensor& actual, const torch::Tensor& expected) {
  return largest_difference(actual, expected) / largest(expected.to(torch::kFloat64));
}

}  // namespace aero::testing_support
