#pragma once

#include <torch/autograd.h>
#include <torch/types.h>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aero::bench {

/// The sizes of what is measured; by default those of a training step of GPT-2 124M.
struct Sizes {
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t width = 768;
  std::int64_t vocabulary = 50304;
  std::int64_t tokens = 1024;                    ///< of a step
  std::vector<std::int64_t> contexts{128, 512};  ///< T; a batch has tokens / T sequences
  std::int64_t corpus = std::int64_t{1} << 24;   ///< tokens of the file that batches are read from
  std::size_t text = std::size_t{1} << 20;       ///< bytes that the tokenizer encodes
};

/// Sizes at which everything runs in no time, and no time means anything.
inline Sizes tiny_sizes() {
  return {.layers = 1,
          .heads = 2,
          .width = 16,
          .vocabulary = 64,
          .tokens = 16,
          .contexts = {8, 16},
          .corpus = 1024,
          .text = 1024};
}

void add_attention(const Sizes& sizes);
void add_head(const Sizes& sizes);
void add_rows(const Sizes& sizes);
void add_products(const Sizes& sizes);
void add_optimizer(const Sizes& sizes);
void add_data(const Sizes& sizes);
void add_checkpoint(const Sizes& sizes);
void add_tokenizer(const Sizes& sizes);

/// Registers a benchmark. Its rates are per second of a clock on the wall, since several threads
/// work.
template <typename Run>
benchmark::internal::Benchmark* add(const std::string& name, Run&& run) {
  return benchmark::RegisterBenchmark(name.c_str(), std::forward<Run>(run))
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

/// Reports `per_iteration` of something as a rate with this name.
inline void report_rate(benchmark::State& state, const std::string& name, double per_iteration) {
  state.counters[name] =
      benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

/// Makes a leaf of random numbers that wants a gradient.
inline torch::Tensor random_leaf(at::IntArrayRef shape, torch::ScalarType dtype) {
  return torch::randn(shape).to(dtype).requires_grad_();
}

/// Computes the gradients of `leaves` for gradients of the results that are all 1, and drops them.
inline void backward(const std::vector<torch::Tensor>& results,
                     const std::vector<torch::Tensor>& leaves) {
  std::vector<torch::Tensor> ones;
  ones.reserve(results.size());
  for (const auto& result : results) ones.push_back(torch::ones_like(result));
  benchmark::DoNotOptimize(torch::autograd::grad(results, leaves, ones));
}

}  // namespace aero::bench
