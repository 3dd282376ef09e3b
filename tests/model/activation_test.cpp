#include "aero/model/activation.h"

#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace aero::model {
namespace {

using testing_support::largest_difference;

const std::vector<double> inputs{-3, -1, -0.5, 0, 0.5, 1, 3};

/// Compares the activation with `function`, point by point.
template <class Function>
void expect_function(const ModelConfig& config, Function function) {
  std::vector<double> expected;
  for (const double x : inputs) expected.push_back(function(x));
  const auto activation = make_activation(config);
  activation->to(torch::kFloat64);
  EXPECT_LE(largest_difference(activation->forward(torch::tensor(inputs, torch::kFloat64)),
                               torch::tensor(expected, torch::kFloat64)),
            1e-12);
}

TEST(Activation, GeluIsXPhiOfX) {
  expect_function({.activation = ActivationKind::gelu},
                  [](double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; });
}

TEST(Activation, GeluTanhIsGpt2sApproximation) {
  expect_function({.activation = ActivationKind::gelu_tanh}, [](double x) {
    return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  });
}

TEST(Activation, ReluCutsNegativeNumbers) {
  expect_function({.activation = ActivationKind::relu}, [](double x) { return x > 0 ? x : 0; });
}

TEST(Activation, QuadraticIsMpcFormers) {
  expect_function({.activation = ActivationKind::quadratic},
                  [](double x) { return 0.125 * x * x + 0.25 * x + 0.5; });
}

TEST(Activation, LeakyReluShrinksNegativeNumbers) {
  for (const auto slope : {LeakySlope::fixed, LeakySlope::layer, LeakySlope::model}) {
    expect_function(
        {.activation = ActivationKind::leaky_relu, .leaky_slope = slope, .leaky_init = 0.25},
        [](double x) { return x > 0 ? x : 0.25 * x; });
  }
}

TEST(Activation, NoneIsTheInputItself) {
  const auto x = torch::tensor(inputs);
  EXPECT_TRUE(make_activation({.activation = ActivationKind::none})->forward(x).is_same(x));
}

}  // namespace
}  // namespace aero::model
