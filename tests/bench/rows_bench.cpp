#include "aero/model/activation.h"
#include "aero/ops/norm.h"
#include "aero/ops/residual.h"
#include "aero/train/precision.h"

#include "bench.h"

#include <functional>

namespace aero::bench {
namespace {

/// Makes results from leaves.
using Operation = std::function<std::vector<torch::Tensor>(const std::vector<torch::Tensor>&)>;

/// Times an operation and its gradients under autocast in bfloat16. Its leaves are a residual
/// stream in float32 and a branch in bfloat16, both [tokens, width], then parameters.
void rows(benchmark::State& state, const Sizes& sizes, std::int64_t width,
          const std::vector<std::int64_t>& parameters, const Operation& operation) {
  std::vector<torch::Tensor> leaves{random_leaf({sizes.tokens, width}, torch::kFloat32),
                                    random_leaf({sizes.tokens, width}, torch::kBFloat16)};
  for (const auto length : parameters) {
    leaves.push_back(torch::ones({length}).requires_grad_());
  }
  for ([[maybe_unused]] const auto step : state) {
    std::vector<torch::Tensor> results;
    {
      const train::AutocastGuard autocast(torch::kCPU, Precision::bfloat16);
      results = operation(leaves);
    }
    backward(results, leaves);
  }
  report_rate(state, "tokens/s", static_cast<double>(sizes.tokens));
}

void activation(benchmark::State& state, const Sizes& sizes, ActivationKind kind) {
  const auto gelu = model::make_activation({.activation = kind});
  const auto x = random_leaf({sizes.tokens, 4 * sizes.width}, torch::kBFloat16);
  for ([[maybe_unused]] const auto step : state) backward({gelu->forward(x)}, {x});
  report_rate(state, "tokens/s", static_cast<double>(sizes.tokens));
}

constexpr double eps = 1e-5;
constexpr auto cast = ops::NormDtype::products;

}  // namespace

void add_rows(const Sizes& sizes) {
  const auto d = sizes.width;
  const auto add_operation = [&](const char* name, const std::vector<std::int64_t>& parameters,
                                 const Operation& operation) {
    add(name, [=](auto& state) { rows(state, sizes, d, parameters, operation); });
  };
  add_operation("norm/layer_norm_of_sum", {d, d}, [](const auto& x) {
    const auto [sum, y] = ops::layer_norm_of_sum(x[0], x[1], x[2], x[3], eps, cast);
    return std::vector{sum, y};
  });
  add_operation("norm/rms_norm_of_sum", {d}, [](const auto& x) {
    const auto [sum, y] = ops::rms_norm_of_sum(x[0], x[1], x[2], eps, cast);
    return std::vector{sum, y};
  });
  add_operation("residual/cast_of_sum", {}, [](const auto& x) {
    const auto [sum, y] = ops::cast_of_sum(x[0], x[1]);
    return std::vector{sum, y};
  });
  add_operation("residual/scaled_sum", {1, 1},
                [](const auto& x) { return std::vector{ops::scaled_sum(x[0], x[1], x[2], x[3])}; });
  add("activation/gelu", [=](auto& state) { activation(state, sizes, ActivationKind::gelu); });
  add("activation/gelu_tanh",
      [=](auto& state) { activation(state, sizes, ActivationKind::gelu_tanh); });
}

}  // namespace aero::bench
