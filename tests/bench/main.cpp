// Microbenchmarks of what a training step consists of. docs/benchmark.md says how to run them.

#include "bench.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace {

constexpr std::string_view tiny_option = "--tiny";

void print_help() {
  std::puts(
      "usage: aero_bench [--tiny] [GOOGLE BENCHMARK'S OPTION...]\n\n"
      "Measures what a training step consists of at the sizes of GPT-2 124M. OMP_NUM_THREADS sets\n"
      "the number of threads.\n\n"
      "  --tiny    only tries every benchmark, at sizes of no interest\n");
  benchmark::PrintDefaultHelp();
}

/// Keeps memory that is freed, as `aero` does while it trains: the kernel would clear its pages anew.
void keep_freed_memory() {
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace aero::bench;
  keep_freed_memory();
  auto* const end = std::remove(argv + 1, argv + argc, tiny_option);
  const bool tiny = end != argv + argc;
  argc = static_cast<int>(end - argv);
  const Sizes sizes = tiny ? tiny_sizes() : Sizes{};
  for (const auto add_benchmarks : {add_products, add_attention, add_head, add_rows, add_optimizer,
                                    add_data, add_checkpoint, add_tokenizer}) {
    add_benchmarks(sizes);
  }
  benchmark::Initialize(&argc, argv, print_help);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("libtorch", TORCH_VERSION);
  benchmark::AddCustomContext("threads", std::to_string(at::get_num_threads()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
