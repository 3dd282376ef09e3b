#include "aero/ops/substitute_attention.h"

#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace aero::ops {
namespace {

using testing_support::largest_difference;

torch::Tensor rows(const std::vector<double>& values, std::int64_t columns) {
  return torch::tensor(values, torch::kFloat64).view({1, 1, -1, columns});
}

torch::Tensor all_visible(std::int64_t count, std::int64_t columns) {
  return torch::ones({count, columns}, torch::kBool);
}

TEST(SubstituteAttention, TwoQuadSharesTheShiftedSquares) {
  EXPECT_LE(largest_difference(two_quad_weights(rows({0, 0, 0}, 3), all_visible(1, 3), 5),
                               rows({1. / 3, 1. / 3, 1. / 3}, 3)),
            1e-15);
  EXPECT_LE(largest_difference(two_quad_weights(rows({-5, 0, 5, 0}, 2), all_visible(2, 2), 5),
                               rows({0, 1, 0.8, 0.2}, 2)),
            1e-15);
}

TEST(SubstituteAttention, TwoQuadHidesKeysAfterTheSquare) {
  const auto visible = torch::ones({2, 2}, torch::kBool).tril();
  EXPECT_LE(largest_difference(two_quad_weights(rows({1, 7, 1, 3}, 2), visible, 1),
                               rows({1, 0, 0.2, 0.8}, 2)),
            1e-15);
}

TEST(SubstituteAttention, ReluSharesByTheVisibleKeys) {
  EXPECT_LE(largest_difference(relu_weights(rows({1, -1, 2}, 3), all_visible(1, 3)),
                               rows({1. / 3, 0, 2. / 3}, 3)),
            1e-15);
  const auto visible = torch::ones({2, 2}, torch::kBool).tril();
  EXPECT_LE(
      largest_difference(relu_weights(rows({3, 9, 1, 4}, 2), visible), rows({3, 0, 0.5, 2}, 2)),
      1e-15);
}

TEST(SubstituteAttention, EntropyIsThatOfTheSharesOfARow) {
  const auto weights = rows({0.25, 0.25, 0.25, 0.25, 0, 0, 3, 0, 0, 0, 0, 0, 1, 1, 0, 0}, 4);
  EXPECT_LE(largest_difference(weight_entropy(weights),
                               rows({std::log(4), 0, 0, std::log(2)}, 4).view({1, 1, 4})),
            1e-15);
}

/// Of sum(weights * directions) by the scores: backward beside central differences.
template <class Weights>
void expect_gradient(Weights weights) {
  const auto visible = torch::ones({4, 4}, torch::kBool).tril();
  const auto scores = testing_support::normal({1, 2, 4, 4}, 3).set_requires_grad(true);
  const auto directions = testing_support::normal({1, 2, 4, 4}, 4);
  const auto value = [&](const torch::Tensor& s) {
    return (weights(s, visible) * directions).sum();
  };
  value(scores).backward();
  const torch::NoGradGuard no_grad;
  const auto expected = torch::zeros_like(scores);
  const double step = 1e-6;
  for (std::int64_t i = 0; i < scores.numel(); ++i) {
    const auto at = [&](double change) {
      auto moved = scores.detach().clone();
      moved.view({-1})[i] += change;
      return value(moved).template item<double>();
    };
    expected.view({-1})[i] = (at(step) - at(-step)) / (2 * step);
  }
  EXPECT_LE(largest_difference(scores.grad(), expected), 1e-8);
}

TEST(SubstituteAttention, GradientsAreFiniteDifferences) {
  expect_gradient([](const torch::Tensor& s, const torch::Tensor& visible) {
    return two_quad_weights(s, visible, 5);
  });
  expect_gradient(relu_weights);
  expect_gradient([](const torch::Tensor& s, const torch::Tensor& visible) {
    return weight_entropy(two_quad_weights(s, visible, 5)).unsqueeze(-1).expand_as(s);
  });
}

}  // namespace
}  // namespace aero::ops
