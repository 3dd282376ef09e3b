#include "aero/train/optimizer.h"

#include "aero/core/error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace aero::train {
namespace {

torch::Tensor parameter(double value) {
  return torch::full({2}, value, torch::kFloat64).requires_grad_();
}

/// One parameter of each kind, all with gradient 1.
NamedParameters one_of_each() {
  using enum model::ParameterKind;
  NamedParameters parameters;
  for (const auto& [name, kind] : {std::pair{"tokens.weight", embedding},
                                   {"blocks.0.attention.q.weight", matrix},
                                   {"blocks.0.ffn.w_out.weight", branch_output},
                                   {"blocks.0.norm1.weight", norm},
                                   {"blocks.0.attention.q.bias", bias},
                                   {"blocks.0.ffn.activation.slope", slope},
                                   {"blocks.0.own.shift", vector}}) {
    parameters.push_back({name, parameter(1), kind});
    parameters.back().value.mutable_grad() = torch::ones({2}, torch::kFloat64);
  }
  return parameters;
}

/// AdamW's first step by hand: m / sqrt(v) is 1 after bias correction.
double first_step(double lr, double decay, double eps) {
  return 1 - lr * decay - lr / (1 + eps);
}

TEST(Optimizer, DecaysEmbeddingsAndMatricesAndNothingElse) {
  OptimizerConfig config;
  config.lr = 0.01;
  config.weight_decay = 0.5;
  const auto parameters = one_of_each();
  Optimizer(config, parameters).step(0.01);
  for (const auto& [name, tensor, kind] : parameters) {
    const bool decays =
        name.ends_with("q.weight") || name.ends_with("w_out.weight") || name == "tokens.weight";
    EXPECT_NEAR(tensor[0].item<double>(), first_step(0.01, decays ? 0.5 : 0, config.eps), 1e-12)
        << name;
  }
}

TEST(Optimizer, DecaysWhatTheConfigNames) {
  OptimizerConfig config;
  config.lr = 0.01;
  config.weight_decay = 0.5;
  config.decay = {false, false, true, true, true};
  const auto parameters = one_of_each();
  Optimizer(config, parameters).step(0.01);
  for (const auto& [name, tensor, kind] : parameters) {
    const bool decays =
        name.ends_with("norm1.weight") || name.ends_with("bias") || name.ends_with("slope");
    EXPECT_NEAR(tensor[0].item<double>(), first_step(0.01, decays ? 0.5 : 0, config.eps), 1e-12)
        << name;
  }
}

TEST(Optimizer, AdamAddsTheDecayToTheGradient) {
  OptimizerConfig config;
  config.name = OptimizerKind::adam;
  config.weight_decay = 0.5;
  config.eps = 0.1;
  const NamedParameters parameters{
      {"blocks.0.ffn.w_in.weight", parameter(1), model::ParameterKind::matrix}};
  parameters[0].value.mutable_grad() = torch::ones({2}, torch::kFloat64);
  Optimizer(config, parameters).step(0.01);
  // The gradient is 1 + 0.5 * 1, and so is the root of its second moment.
  EXPECT_NEAR(parameters[0].value[0].item<double>(), 1 - 0.01 * 1.5 / (1.5 + 0.1), 1e-12);
}

/// Adam as its paper writes it (arXiv 1412.6980, algorithm 1), with the decay in the gradient.
double adam_by_hand(double parameter, const std::vector<double>& gradients,
                    const OptimizerConfig& config) {
  double m = 0;
  double v = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const auto t = static_cast<double>(i + 1);
    const double g = gradients[i] + config.weight_decay * parameter;
    m = config.beta1 * m + (1 - config.beta1) * g;
    v = config.beta2 * v + (1 - config.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(config.beta1, t));
    const double v_hat = v / (1 - std::pow(config.beta2, t));
    parameter -= config.lr * m_hat / (std::sqrt(v_hat) + config.eps);
  }
  return parameter;
}

TEST(Optimizer, TenStepsOfAdamAreThoseOfThePaper) {
  OptimizerConfig config;
  config.name = OptimizerKind::adam;
  config.lr = 0.03;
  config.beta2 = 0.95;
  config.weight_decay = 0.2;
  const NamedParameters parameters{
      {"blocks.0.ffn.w_in.weight", parameter(0.7), model::ParameterKind::matrix}};
  Optimizer optimizer(config, parameters);
  std::vector<double> gradients;
  for (int step = 0; step < 10; ++step) {
    gradients.push_back(std::sin(1.7 * step) + 0.3);
    parameters[0].value.mutable_grad() = torch::full({2}, gradients.back(), torch::kFloat64);
    optimizer.step(config.lr);
  }
  EXPECT_NEAR(parameters[0].value[0].item<double>(), adam_by_hand(0.7, gradients, config), 1e-12);
}

TEST(Optimizer, LeavesAParameterWithoutAGradientAlone) {
  const NamedParameters parameters{
      {"tokens.weight", parameter(1), model::ParameterKind::embedding}};
  Optimizer(OptimizerConfig{}, parameters).step(0.01);
  EXPECT_EQ(parameters[0].value[0].item<double>(), 1);
}

TEST(Optimizer, GoesOnFromItsStateAsIfNothingHadBeen) {
  const OptimizerConfig config;
  const auto straight = one_of_each();
  Optimizer one(config, straight);
  for (int i = 0; i < 3; ++i) one.step(0.01);

  const auto broken = one_of_each();
  Optimizer before(config, broken);
  before.step(0.01);
  Optimizer after(config, broken);
  after.load_state(before.state());
  for (int i = 0; i < 2; ++i) after.step(0.01);
  for (std::size_t i = 0; i < straight.size(); ++i) {
    EXPECT_TRUE(torch::equal(straight[i].value, broken[i].value)) << straight[i].name;
  }
}

TEST(Optimizer, RefusesTheStateOfAnotherModel) {
  const NamedParameters small{{"tokens.weight", parameter(1), model::ParameterKind::embedding}};
  Optimizer optimizer(OptimizerConfig{}, small);
  EXPECT_THROW(optimizer.load_state(Optimizer(OptimizerConfig{}, one_of_each()).state()), Error);
  auto state = optimizer.state();
  state["exp_avg.tokens.weight"] = torch::zeros({3}, torch::kFloat64);
  EXPECT_THROW(optimizer.load_state(state), Error);
}

TEST(ClipGradients, ScalesToTheLargestNormOnlyWhenAboveIt) {
  const NamedParameters parameters{{"tokens.weight", parameter(0), model::ParameterKind::embedding},
                                   {"head.weight", parameter(0), model::ParameterKind::matrix}};
  parameters[0].value.mutable_grad() = torch::tensor({3.0, 0.0}, torch::kFloat64);
  parameters[1].value.mutable_grad() = torch::tensor({0.0, 4.0}, torch::kFloat64);
  EXPECT_DOUBLE_EQ(gradient_norm(parameters), 5);
  clip_gradients(parameters, 5, 10);
  EXPECT_DOUBLE_EQ(gradient_norm(parameters), 5);
  clip_gradients(parameters, 5, 1);
  // PyTorch divides by norm + 1e-6.
  EXPECT_NEAR(gradient_norm(parameters), 5 / (5 + 1e-6), 1e-12);
}

}  // namespace
}  // namespace aero::train
