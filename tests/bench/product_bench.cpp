#include "bench.h"
#include "src/ops/matrix_product.h"

#include <algorithm>
#include <array>
#include <functional>

namespace aero::bench {
namespace {

/// Sizes of a linear layer: x [rows, in], its weight [out, in] in float32.
struct Layer {
  const char* name;
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
};

/// A layer's product with its operands, x and dy in the products' dtype.
struct Operands {
  torch::Tensor x, dy, weight;
};
using Product = std::function<torch::Tensor(const Operands&)>;

void run(benchmark::State& state, const Layer& layer, torch::ScalarType dtype,
         const Product& product) {
  const torch::NoGradGuard no_grad;
  const Operands operands{torch::randn({layer.rows, layer.in}).to(dtype),
                          torch::randn({layer.rows, layer.out}).to(dtype),
                          torch::randn({layer.out, layer.in})};
  for ([[maybe_unused]] const auto step : state) benchmark::DoNotOptimize(product(operands));
  report_rate(state, "FLOP/s",
              2.0 * static_cast<double>(layer.rows) * static_cast<double>(layer.in) *
                  static_cast<double>(layer.out));
}

/// The three products of a training step, as AERO computes them and as autocast has LibTorch do:
/// with the weight cast to the dtype, and its gradient cast back.
std::vector<std::pair<std::string, Product>> products_in(torch::ScalarType dtype) {
  constexpr auto single = torch::kFloat32;
  return {
      {"forward/aero",
       [=](const auto& o) { return ops::matrix_product(o.x, o.weight.t(), dtype); }},
      {"forward/libtorch", [=](const auto& o) { return torch::mm(o.x, o.weight.to(dtype).t()); }},
      {"input_gradient/aero",
       [=](const auto& o) { return ops::matrix_product(o.dy, o.weight, dtype); }},
      {"input_gradient/libtorch",
       [=](const auto& o) { return torch::mm(o.dy, o.weight.to(dtype)); }},
      {"weight_gradient/aero",
       [=](const auto& o) { return ops::matrix_product(o.dy.t(), o.x, single); }},
      {"weight_gradient/libtorch",
       [=](const auto& o) { return torch::mm(o.dy.t(), o.x).to(single); }},
  };
}

}  // namespace

void add_products(const Sizes& sizes) {
  const auto d = sizes.width;
  const auto rows = std::max<std::int64_t>(sizes.tokens, 64);  // AERO leaves few rows to LibTorch
  const std::array<Layer, 4> layers{{{"attention", rows, d, d},
                                     {"ffn_in", rows, d, 4 * d},
                                     {"ffn_out", rows, 4 * d, d},
                                     {"head", rows, d, sizes.vocabulary}}};
  for (const auto dtype : {torch::kBFloat16, torch::kFloat32}) {
    for (const auto& layer : layers) {
      // What AERO leaves to LibTorch on this processor, or at this size, is no product of AERO's.
      const auto x = torch::empty({layer.rows, layer.in}, dtype);
      if (!ops::has_matrix_product(x, torch::empty({layer.in, layer.out}))) continue;
      for (const auto& [name, product] : products_in(dtype)) {
        add(std::string("product/") + c10::toString(dtype) + "/" + layer.name + "/" + name,
            [=, product = product](auto& state) { run(state, layer, dtype, product); });
      }
    }
  }
}

}  // namespace aero::bench
