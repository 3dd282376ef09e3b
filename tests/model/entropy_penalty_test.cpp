// The penalty against sums done by hand, its gradients against finite differences.

#include "aero/model/entropy_penalty.h"

#include "tests/model/decoders.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <utility>

namespace aero::model {
namespace {

constexpr std::int64_t context = 4;
const double e_max = std::log(4.0);

/// Two layers of one head, a batch of one and two positions.
std::vector<torch::Tensor> rows() {
  return {torch::tensor({0.2, 0.6}, torch::kFloat64).view({1, 1, 2}),
          torch::tensor({0.9, 1.3}, torch::kFloat64).view({1, 1, 2})};
}

torch::Tensor thresholds(double first, double second) {
  return torch::tensor({first, second}, torch::kFloat64).view({2, 1});
}

EregConfig settings(EntropyReduction reduction, double gamma) {
  return {.enabled = true, .lambda = 0.5, .gamma = gamma, .reduction = reduction};
}

double penalty(const torch::Tensor& theta, const EregConfig& config) {
  return entropy_penalty(rows(), theta, config, context).item<double>();
}

TEST(EntropyPenalty, SquaresTheDeviationOfAHeadsMean) {
  const double first = 0.4 - 0.5 * e_max;
  const double second = 1.1 - 0.25 * e_max;
  EXPECT_NEAR(penalty(thresholds(0.5, 0.25), settings(EntropyReduction::mean, 0)),
              0.5 * (first * first + second * second) / 2, 1e-15);
}

TEST(EntropyPenalty, SumsTheSquaresOfRows) {
  double sum = 0;
  for (const double entropy : {0.2, 0.6}) sum += std::pow(entropy - 0.5 * e_max, 2);
  for (const double entropy : {0.9, 1.3}) sum += std::pow(entropy - 0.25 * e_max, 2);
  EXPECT_NEAR(penalty(thresholds(0.5, 0.25), settings(EntropyReduction::row_sum, 0)), 0.5 * sum / 2,
              1e-15);
}

// Layer 0 deviates by 0.293, layer 1 by 0.753; the margins are 0.139 to 0.832.
TEST(EntropyPenalty, ForgivesWhatIsWithinTheMargin) {
  const auto theta = thresholds(0.5, 0.25);
  const double second = 1.1 - 0.25 * e_max;
  EXPECT_NEAR(penalty(theta, settings(EntropyReduction::mean, 0.3)), 0.5 * second * second / 2,
              1e-15);
  EXPECT_EQ(penalty(theta, settings(EntropyReduction::mean, 0.6)), 0);
  EXPECT_GT(penalty(theta, settings(EntropyReduction::mean, 0.1)), 0.5 * second * second / 2);
}

TEST(EntropyPenalty, HasAMarginThatIsStrict) {
  // A deviation of exactly 1 with a margin of exactly 1, and the next margin below.
  const std::vector<torch::Tensor> one{torch::ones({1, 1, 2}, torch::kFloat64)};
  const auto zero = torch::zeros({1, 1}, torch::kFloat64);
  auto config = settings(EntropyReduction::mean, 1 / e_max);
  ASSERT_EQ(config.gamma * e_max, 1);
  EXPECT_EQ(entropy_penalty(one, zero, config, context).item<double>(), 0);
  config.gamma = std::nextafter(std::nextafter(config.gamma, 0), 0);
  EXPECT_EQ(entropy_penalty(one, zero, config, context).item<double>(), 0.5);
}

TEST(EntropyPenalty, HasTheGradientOfFiniteDifferences) {
  constexpr double step = 1e-6;
  for (const auto reduction : {EntropyReduction::mean, EntropyReduction::row_sum}) {
    const auto config = settings(reduction, 0.25);
    auto entropy = rows();
    auto theta = thresholds(0.5, 0.25).requires_grad_();
    for (auto& layer : entropy) layer.requires_grad_();
    entropy_penalty(entropy, theta, config, context).backward();
    const auto slope = [&](torch::Tensor value, std::int64_t i) {
      const torch::NoGradGuard no_grad;
      auto entry = value.view(-1)[i];
      entry += step;
      const double above = entropy_penalty(entropy, theta, config, context).item<double>();
      entry -= 2 * step;
      const double below = entropy_penalty(entropy, theta, config, context).item<double>();
      entry += step;
      return (above - below) / (2 * step);
    };
    for (std::int64_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(theta.grad().view(-1)[i].item<double>(), slope(theta, i), 1e-8);
      for (auto& layer : entropy) {
        EXPECT_NEAR(layer.grad().view(-1)[i].item<double>(), slope(layer, i), 1e-8);
      }
    }
  }
}

TEST(EntropyPenalty, HasGradientsThatPartsOfABatchSumUpTo) {
  const auto all = torch::linspace(0.1, 1.3, 2 * 5 * 1 * 3, torch::kFloat64).view({2, 5, 1, 3});
  const auto theta_of = [] { return thresholds(0.5, 0.25).requires_grad_(); };
  for (const auto reduction : {EntropyReduction::mean, EntropyReduction::row_sum}) {
    const auto config = settings(reduction, 0.1);
    const auto whole = all.clone().requires_grad_();
    const auto whole_theta = theta_of();
    const auto expected = entropy_penalty(whole.unbind(), whole_theta, config, context);
    expected.backward();

    auto theta_gradient = torch::zeros({2, 1}, torch::kFloat64);
    double value = 0;
    for (const auto& [first, count] : {std::pair(0, 2), std::pair(2, 3)}) {
      const auto rows = all.narrow(1, first, count).clone().requires_grad_();
      const auto theta = theta_of();
      std::int64_t layer = 0;
      const BatchShare share{count / 5.0, [&](const torch::Tensor&) {
                               const auto mean = all[layer].mean() - theta[layer] * e_max;
                               ++layer;
                               return mean.detach();
                             }};
      const auto part = entropy_penalty(rows.unbind(), theta, config, context, share);
      part.backward();
      EXPECT_TRUE(rows.grad().allclose(whole.grad().narrow(1, first, count), 1e-12, 1e-14));
      theta_gradient += theta.grad();
      value += part.item<double>() * (reduction == EntropyReduction::mean ? share.part : 1);
    }
    EXPECT_TRUE(theta_gradient.allclose(whole_theta.grad(), 1e-12, 1e-14));
    EXPECT_NEAR(value, expected.item<double>(), 1e-14);
  }
}

// E[(m - t)^2] = (E[m] - t)^2 + var(m), m a head's mean entropy in a micro-batch: the formula of
// docs/method.md, for a model in float64.
TEST(EntropyPenalty, OfMicroBatchesIsLargerByTheVarianceOfTheirMeans) {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t micro_batches = 3;
  auto model = small_with("EReg(SM+LN+G)");
  model.ereg.lambda = 0.7;
  model.ereg.gamma = 0;
  auto decoder = make_decoder(model);
  const auto tokens = make_tokens(6, 12);
  const auto penalty_of = [&](const torch::Tensor& batch) {
    return decoder->training_loss(batch, batch).penalty.item<double>();
  };
  double accumulated = 0;
  std::vector<torch::Tensor> means;  // [L, H] of each micro-batch
  for (const auto& batch : tokens.chunk(micro_batches)) {
    accumulated += penalty_of(batch) / micro_batches;
    std::vector<torch::Tensor> rows;
    decoder->hidden(batch, &rows);
    means.push_back(torch::stack(rows).mean(std::vector<std::int64_t>{1, 3}));
  }
  const auto variance = torch::stack(means).var(0, /*unbiased=*/false).mean().item<double>();
  ASSERT_GT(variance, 1e-6);
  EXPECT_NEAR(accumulated - penalty_of(tokens), 0.7 * variance, 1e-12);
}

}  // namespace
}  // namespace aero::model
