#include "aero/core/text.h"
#include "aero/ops/entropy_attention.h"

#include "bench.h"

#include <cmath>

namespace aero::bench {
namespace {

struct Shape {
  std::int64_t batch, heads, context, width;

  double tokens() const { return static_cast<double>(batch * context); }
};

/// Queries, keys and values in bfloat16 [B, H, T, d_k], which are views of what products give.
struct Inputs {
  explicit Inputs(const Shape& s) {
    for (int i = 0; i < 3; ++i) {
      leaves.push_back(random_leaf({s.batch, s.context, s.heads, s.width}, torch::kBFloat16));
    }
    scale = 1 / std::sqrt(static_cast<double>(s.width));
  }

  ops::EntropyAttention attend(bool with_entropy) const {
    const auto head = [this](std::size_t i) { return leaves[i].transpose(1, 2); };
    return ops::entropy_attention(head(0), head(1), head(2), scale, {}, with_entropy);
  }

  std::vector<torch::Tensor> leaves;
  double scale = 1;
};

void forward(benchmark::State& state, const Shape& shape, bool with_entropy) {
  const Inputs inputs(shape);
  for ([[maybe_unused]] const auto step : state) {
    benchmark::DoNotOptimize(inputs.attend(with_entropy));
  }
  report_rate(state, "tokens/s", shape.tokens());
}

/// Times the backward pass alone.
void backward_of(benchmark::State& state, const Shape& shape, bool with_entropy) {
  const Inputs inputs(shape);
  for ([[maybe_unused]] const auto step : state) {
    state.PauseTiming();
    const auto [output, entropy] = inputs.attend(with_entropy);
    std::vector<torch::Tensor> results{output};
    if (with_entropy) results.push_back(entropy);
    state.ResumeTiming();
    backward(results, inputs.leaves);
  }
  report_rate(state, "tokens/s", shape.tokens());
}

}  // namespace

void add_attention(const Sizes& sizes) {
  for (const auto context : sizes.contexts) {
    const Shape shape{sizes.tokens / context, sizes.heads, context, sizes.width / sizes.heads};
    for (const bool with_entropy : {false, true}) {
      const auto name = [&](const char* pass) {
        return fmt::format("attention/{}/T={}{}", pass, context, with_entropy ? ",entropy" : "");
      };
      add(name("forward"), [=](auto& state) { forward(state, shape, with_entropy); });
      add(name("backward"), [=](auto& state) { backward_of(state, shape, with_entropy); });
    }
  }
}

}  // namespace aero::bench
