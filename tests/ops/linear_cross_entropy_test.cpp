#include "aero/ops/linear_cross_entropy.h"

#include "tests/support/autocast.h"
#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <torch/autograd.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>

namespace aero::ops {
namespace {

using testing_support::Autocast;
using testing_support::back;
using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;
using testing_support::relative_difference;
using testing_support::tests_the_cpu;
using testing_support::there;
using testing_support::tokens;

constexpr double exact = 1e-12;
constexpr std::int64_t vocab_size = 11;

struct Inputs {
  torch::Tensor hidden;
  torch::Tensor weight;
  torch::Tensor targets;
};

Inputs make_inputs(std::int64_t rows = 7) {
  return {normal({rows, 5}, 1), normal({vocab_size, 5}, 2), tokens({rows}, vocab_size, 3)};
}

struct Outcome {
  torch::Tensor loss;
  torch::Tensor hidden_gradient;
  torch::Tensor weight_gradient;
};

/// The loss that `function` gives, and the gradients of three times that loss.
template <class Function>
Outcome differentiate(Function function, const Inputs& inputs) {
  const auto hidden = inputs.hidden.detach().requires_grad_();
  const auto weight = inputs.weight.detach().requires_grad_();
  const auto loss = function(hidden, weight, inputs.targets);
  (3 * loss).backward();
  return {loss.detach(), hidden.grad(), weight.grad()};
}

/// PyTorch's own, through autograd.
torch::Tensor reference(const torch::Tensor& hidden, const torch::Tensor& weight,
                        const torch::Tensor& targets) {
  return at::cross_entropy_loss(torch::matmul(hidden, weight.t()), targets);
}

/// Ours, on the tests' device. Blocks by default are the device's.
auto in_blocks(std::optional<std::int64_t> block_logits) {
  return [=](const torch::Tensor& hidden, const torch::Tensor& weight,
             const torch::Tensor& targets) {
    return back(linear_cross_entropy(there(hidden), there(weight), there(targets), block_logits));
  };
}

torch::Tensor ours(const torch::Tensor& hidden, const torch::Tensor& weight,
                   const torch::Tensor& targets) {
  return in_blocks(std::nullopt)(hidden, weight, targets);
}

void expect_reference(const Inputs& inputs,
                      std::optional<std::int64_t> block_logits = std::nullopt) {
  const auto actual = differentiate(in_blocks(block_logits), inputs);
  const auto expected = differentiate(reference, inputs);
  EXPECT_EQ(actual.loss.scalar_type(), torch::kFloat64);
  EXPECT_EQ(actual.loss.dim(), 0);
  EXPECT_LE(largest_difference(actual.loss, expected.loss), exact);
  EXPECT_LE(largest_difference(actual.hidden_gradient, expected.hidden_gradient), exact);
  EXPECT_LE(largest_difference(actual.weight_gradient, expected.weight_gradient), exact);
}

TEST(LinearCrossEntropy, IsPyTorchsWithItsGradients) {
  expect_reference(make_inputs());
}

TEST(LinearCrossEntropy, IsPyTorchsForOneRow) {
  expect_reference(make_inputs(1));
}

TEST(LinearCrossEntropy, IsTheSameInBlocksOfAnySize) {
  for (const std::int64_t rows : {1, 2, 3, 6, 7, 8}) {
    SCOPED_TRACE(rows);
    expect_reference(make_inputs(), rows * vocab_size);
  }
  expect_reference(make_inputs(), 1);
}

TEST(LinearCrossEntropy, IsPyTorchsBeyondTheRowsThatFloat16Bounds) {
  expect_reference(make_inputs(5000));
  expect_reference(make_inputs(10'000), 4999 * vocab_size);
}

TEST(LinearCrossEntropy, LeavesOutRowsWithoutATarget) {
  auto inputs = make_inputs();
  inputs.targets[1] = -100;
  inputs.targets[2] = -100;
  inputs.targets[6] = -100;
  expect_reference(inputs);
  expect_reference(inputs, 2 * vocab_size);
  const auto gradient = differentiate(ours, inputs).hidden_gradient;
  EXPECT_EQ(largest(gradient[1]), 0);
  EXPECT_GT(largest(gradient[0]), 0);
}

TEST(LinearCrossEntropy, IsTheLossOfTheOthersWhereARowWithoutATargetIsNan) {
  auto inputs = make_inputs();
  const auto others =
      reference(inputs.hidden.narrow(0, 1, 6), inputs.weight, inputs.targets.narrow(0, 1, 6));
  inputs.hidden[0] = std::nan("");
  inputs.targets[0] = -100;
  const auto loss = ours(inputs.hidden, inputs.weight, inputs.targets);
  EXPECT_LE(largest_difference(loss, others), exact);
}

TEST(LinearCrossEntropy, IsNanWithoutAnyTarget) {
  auto inputs = make_inputs();
  inputs.targets.fill_(-100);
  ASSERT_TRUE(std::isnan(reference(inputs.hidden, inputs.weight, inputs.targets).item<double>()));
  EXPECT_TRUE(std::isnan(ours(inputs.hidden, inputs.weight, inputs.targets).item<double>()));
}

TEST(LinearCrossEntropy, IsNanWithoutAnyRow) {
  const auto inputs = make_inputs(0);
  EXPECT_TRUE(std::isnan(ours(inputs.hidden, inputs.weight, inputs.targets).item<double>()));
}

TEST(LinearCrossEntropy, RefusesATargetOutsideTheVocabulary) {
  if (!tests_the_cpu()) GTEST_SKIP() << "a failed assertion ends all work on the device";
  for (const std::int64_t target : {std::int64_t{-1}, vocab_size}) {
    auto inputs = make_inputs();
    inputs.targets[3] = target;
    EXPECT_THROW(ours(inputs.hidden, inputs.weight, inputs.targets), c10::Error);
  }
}

TEST(LinearCrossEntropy, HasAGradientOfTheHiddenStatesAlone) {
  auto inputs = make_inputs();
  const auto expected = differentiate(reference, inputs).hidden_gradient;
  inputs.hidden.requires_grad_();
  (3 * ours(inputs.hidden, inputs.weight, inputs.targets)).backward();
  EXPECT_LE(largest_difference(inputs.hidden.grad(), expected), exact);
  EXPECT_FALSE(inputs.weight.grad().defined());
}

TEST(LinearCrossEntropy, HasAGradientOfTheWeightAlone) {
  auto inputs = make_inputs();
  const auto expected = differentiate(reference, inputs).weight_gradient;
  inputs.weight.requires_grad_();
  (3 * ours(inputs.hidden, inputs.weight, inputs.targets)).backward();
  EXPECT_LE(largest_difference(inputs.weight.grad(), expected), exact);
  EXPECT_FALSE(inputs.hidden.grad().defined());
}

TEST(LinearCrossEntropy, HasNoGradientWhereGradientsAreOff) {
  auto inputs = make_inputs();
  const auto expected = reference(inputs.hidden, inputs.weight, inputs.targets);
  inputs.hidden.requires_grad_();
  inputs.weight.requires_grad_();
  const torch::NoGradGuard no_grad;
  const auto loss = ours(inputs.hidden, inputs.weight, inputs.targets);
  EXPECT_FALSE(loss.requires_grad());
  EXPECT_LE(largest_difference(loss, expected), exact);
}

TEST(LinearCrossEntropy, AddsToTheGradientThatIsThere) {
  auto inputs = make_inputs();
  const auto expected = differentiate(reference, inputs);
  inputs.hidden.requires_grad_();
  inputs.weight.requires_grad_();
  inputs.hidden.mutable_grad() = torch::ones_like(inputs.hidden);
  inputs.weight.mutable_grad() = torch::ones_like(inputs.weight);
  for (int i = 0; i < 2; ++i) {
    (3 * ours(inputs.hidden, inputs.weight, inputs.targets)).backward();
  }
  EXPECT_LE(largest_difference(inputs.hidden.grad(), 1 + 2 * expected.hidden_gradient), exact);
  EXPECT_LE(largest_difference(inputs.weight.grad(), 1 + 2 * expected.weight_gradient), exact);
}

TEST(LinearCrossEntropy, HandsItsGradientsOverOnce) {
  auto inputs = make_inputs();
  inputs.hidden.requires_grad_();
  const auto loss = ours(inputs.hidden, inputs.weight, inputs.targets);
  loss.backward({}, /*retain_graph=*/true);
  EXPECT_THROW(loss.backward(), c10::Error);
}

TEST(LinearCrossEntropy, TakesTensorsThatAreNotContiguous) {
  auto inputs = make_inputs();
  inputs.hidden = normal({5, 7}, 4).t();
  inputs.weight = normal({5, vocab_size}, 5).t();
  inputs.targets = tokens({7, 2}, vocab_size, 6).select(1, 1);
  ASSERT_FALSE(inputs.hidden.is_contiguous());
  expect_reference(inputs);
  expect_reference(inputs, 3 * vocab_size);
  inputs.hidden = normal({7, 20}, 7).slice(1, 3, 18, 3);
  inputs.weight = normal({vocab_size, 9}, 8).narrow(1, 2, 5);
  expect_reference(inputs, 3 * vocab_size);
}

/// (f(x + e) - f(x - e)) / 2e of every entry of `x`, which is changed and restored in place.
template <class Function>
torch::Tensor finite_differences(Function function, torch::Tensor x) {
  constexpr double step = 1e-5;
  const auto gradient = torch::zeros_like(x);
  auto entries = x.view(-1);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double entry = entries[i].template item<double>();
    entries[i] = entry + step;
    const double above = function();
    entries[i] = entry - step;
    const double below = function();
    entries[i] = entry;
    gradient.view(-1)[i] = (above - below) / (2 * step);
  }
  return gradient;
}

TEST(LinearCrossEntropy, HasTheGradientThatFiniteDifferencesGive) {
  auto inputs = make_inputs();
  inputs.targets[4] = -100;
  const auto loss = [&] {
    return 3 * ours(inputs.hidden, inputs.weight, inputs.targets).item<double>();
  };
  const auto actual = differentiate(in_blocks(2 * vocab_size), inputs);
  EXPECT_LE(largest_difference(actual.hidden_gradient, finite_differences(loss, inputs.hidden)),
            1e-8);
  EXPECT_LE(largest_difference(actual.weight_gradient, finite_differences(loss, inputs.weight)),
            1e-8);
}

TEST(LinearCrossEntropy, StaysFiniteWhereLogitsAreLarge) {
  auto inputs = make_inputs();
  inputs.hidden *= 1e4;
  const auto expected = differentiate(reference, inputs);
  inputs.hidden = inputs.hidden.to(torch::kFloat32);
  inputs.weight = inputs.weight.to(torch::kFloat32);
  const auto actual = differentiate(ours, inputs);
  EXPECT_EQ(actual.loss.scalar_type(), torch::kFloat32);
  EXPECT_LE(relative_difference(actual.loss, expected.loss), 1e-5);
  EXPECT_LE(relative_difference(actual.weight_gradient, expected.weight_gradient), 1e-5);
}

TEST(LinearCrossEntropy, IsCloseToFloat64UnderAutocast) {
  auto inputs = make_inputs(64);
  inputs.targets[5] = -100;
  const auto expected = differentiate(reference, inputs);
  inputs.hidden = inputs.hidden.to(torch::kFloat32);
  inputs.weight = inputs.weight.to(torch::kFloat32);
  const auto check = [&](torch::ScalarType dtype, double tolerance) {
    const Autocast autocast(dtype);
    const auto actual = differentiate(in_blocks(10 * vocab_size), inputs);
    EXPECT_EQ(actual.loss.scalar_type(), torch::kFloat32);
    EXPECT_EQ(actual.hidden_gradient.scalar_type(), torch::kFloat32);
    EXPECT_EQ(actual.weight_gradient.scalar_type(), torch::kFloat32);
    EXPECT_LE(relative_difference(actual.loss, expected.loss), tolerance);
    EXPECT_LE(relative_difference(actual.hidden_gradient, expected.hidden_gradient), tolerance);
    EXPECT_LE(relative_difference(actual.weight_gradient, expected.weight_gradient), tolerance);
    // Products in half precision do not give float32's digits.
    EXPECT_GT(relative_difference(actual.hidden_gradient, expected.hidden_gradient), 1e-6);
  };
  check(torch::kBFloat16, 2e-2);
  check(torch::kFloat16, 3e-3);
}

class LinearCrossEntropyOf : public testing::TestWithParam<std::int64_t> {};

INSTANTIATE_TEST_SUITE_P(VocabularyOf, LinearCrossEntropyOf, testing::Values(50'257, 50'304),
                         testing::PrintToStringParamName());

TEST_P(LinearCrossEntropyOf, IsCloseToFloat64) {
  constexpr std::int64_t rows = 50;
  Inputs inputs{normal({rows, 32}, 1), 0.3 * normal({GetParam(), 32}, 2),
                tokens({rows}, GetParam(), 3)};
  inputs.targets[0] = GetParam() - 1;
  inputs.targets[7] = -100;
  const auto expected = differentiate(reference, inputs);
  inputs.hidden = inputs.hidden.to(torch::kFloat32);
  inputs.weight = inputs.weight.to(torch::kFloat32);
  const auto check = [&](double tolerance) {
    for (const auto block : {std::optional<std::int64_t>(), std::optional(20 * GetParam())}) {
      const auto actual = differentiate(in_blocks(block), inputs);
      EXPECT_LE(relative_difference(actual.loss, expected.loss), tolerance);
      EXPECT_EQ(actual.weight_gradient.sizes(), inputs.weight.sizes());
      EXPECT_LE(relative_difference(actual.hidden_gradient, expected.hidden_gradient), tolerance);
      EXPECT_LE(relative_difference(actual.weight_gradient, expected.weight_gradient), tolerance);
    }
  };
  check(1e-5);
  {
    const Autocast autocast(torch::kFloat16);
    check(2e-3);
  }
  const Autocast autocast(torch::kBFloat16);
  check(1e-2);
}

// All hidden states are 0, so each token has p = 1/V and the gradient of a row is
// (mean of the weight's rows - the target's row) / N. p/N = 2^-25 is nothing in float16.
TEST(LinearCrossEntropy, KeepsInFloat16WhatManyUnlikelyTokensAddUpTo) {
  constexpr std::int64_t rows = 2048;
  constexpr std::int64_t many_tokens = 16'384;
  const auto weight = 1 + 0.1 * normal({many_tokens, 4}, 1);
  const auto targets = tokens({rows}, many_tokens, 2);
  const auto hidden = torch::zeros({rows, 4}).requires_grad_();
  const Autocast autocast(torch::kFloat16);
  const auto loss = ours(hidden, weight.to(torch::kFloat32), targets);
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), std::log(many_tokens), 1e-4);
  const auto expected = (weight.mean(0) - weight.index_select(0, targets)) / rows;
  EXPECT_LE(relative_difference(hidden.grad(), expected), 1e-2);
}

// 2^16, where loss scaling starts, is infinite in float16.
TEST(LinearCrossEntropy, TakesAnyLossScaleInFloat16) {
  auto inputs = make_inputs(64);
  const auto expected = differentiate(reference, inputs);
  const auto hidden = inputs.hidden.to(torch::kFloat32).requires_grad_();
  const auto weight = inputs.weight.to(torch::kFloat32).requires_grad_();
  const Autocast autocast(torch::kFloat16);
  (65536 * ours(hidden, weight, inputs.targets)).backward();
  EXPECT_LE(relative_difference(hidden.grad() * 3 / 65536, expected.hidden_gradient), 3e-3);
  EXPECT_LE(relative_difference(weight.grad() * 3 / 65536, expected.weight_gradient), 3e-3);
}

}  // namespace
}  // namespace aero::ops
