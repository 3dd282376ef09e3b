#include "aero/model/sampler.h"

#include "aero/core/error.h"

#include "tests/support/faults.h"
#include "tests/support/tensors.h"

#include <ATen/Context.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace aero::model {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
using testing_support::error_of;
using testing_support::normal;

constexpr double infinity = std::numeric_limits<double>::infinity();

torch::Tensor make_logits(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64);
}

/// Logits of the probabilities 1/2, 1/4, 1/8, 1/8, shifted as softmax allows.
torch::Tensor halving_logits() {
  return make_logits({0.5, 0.25, 0.125, 0.125}).log() + 3;
}

std::vector<double> probabilities(const torch::Tensor& logits, const SamplingOptions& options) {
  const auto result = sampling_probabilities(logits, options);
  EXPECT_EQ(result.scalar_type(), torch::kFloat64);
  const auto* begin = result.data_ptr<double>();
  return {begin, begin + result.numel()};
}

void expect_probabilities(const torch::Tensor& logits, const SamplingOptions& options,
                          const std::vector<double>& expected) {
  EXPECT_THAT(probabilities(logits, options), Pointwise(DoubleNear(1e-12), expected));
}

TEST(SamplingProbabilities, AreTheModelsByDefault) {
  expect_probabilities(halving_logits(), {}, {0.5, 0.25, 0.125, 0.125});
}

TEST(SamplingProbabilities, AreSquaredByATemperatureOfOneHalf) {
  expect_probabilities(halving_logits(), {.temperature = 0.5},
                       {8. / 11, 2. / 11, .5 / 11, .5 / 11});
}

TEST(SamplingProbabilities, AreRootsByATemperatureOfTwo) {
  const double sum = std::sqrt(0.5) + 0.5 + 2 * std::sqrt(0.125);
  expect_probabilities(
      halving_logits(), {.temperature = 2},
      {std::sqrt(0.5) / sum, 0.5 / sum, std::sqrt(0.125) / sum, std::sqrt(0.125) / sum});
}

TEST(SamplingProbabilities, AreThoseOfTheMostLikelyTokenAtTemperatureZero) {
  expect_probabilities(make_logits({1, 3, 2}), {.temperature = 0}, {0, 1, 0});
}

TEST(SamplingProbabilities, AreThoseOfTheFirstOfEqualsAtTemperatureZero) {
  expect_probabilities(make_logits({1, 3, 3, 2, 3}), {.temperature = 0}, {0, 1, 0, 0, 0});
}

TEST(SamplingProbabilities, StayFiniteAtATinyTemperature) {
  expect_probabilities(make_logits({-900, 800, 700}), {.temperature = 1e-310}, {0, 1, 0});
}

TEST(SamplingProbabilities, AreOfTheTopKTokens) {
  expect_probabilities(halving_logits(), {.top_k = 1}, {1, 0, 0, 0});
  expect_probabilities(halving_logits(), {.top_k = 2}, {2. / 3, 1. / 3, 0, 0});
  expect_probabilities(halving_logits().flip(0), {.top_k = 2}, {0, 0, 1. / 3, 2. / 3});
}

TEST(SamplingProbabilities, AreOfAllTokensWhereTopKIsAtLeastTheirNumber) {
  for (const std::int64_t top_k : {0, 4, 5, 1000}) {
    expect_probabilities(halving_logits(), {.top_k = top_k}, {0.5, 0.25, 0.125, 0.125});
  }
}

TEST(SamplingProbabilities, AreOfExactlyKTokensAmongEquals) {
  auto kept = probabilities(halving_logits(), {.top_k = 3});
  std::ranges::sort(kept);
  EXPECT_THAT(kept, Pointwise(DoubleNear(1e-12), {0., 1. / 7, 2. / 7, 4. / 7}));
  kept = probabilities(torch::zeros({5}), {.top_k = 2});
  std::ranges::sort(kept);
  EXPECT_THAT(kept, Pointwise(DoubleNear(1e-12), {0., 0., 0., 0.5, 0.5}));
}

TEST(SamplingProbabilities, AreOfTheFewestTokensThatReachTopP) {
  expect_probabilities(halving_logits(), {.top_p = 0.4}, {1, 0, 0, 0});
  expect_probabilities(halving_logits(), {.top_p = 0.6}, {2. / 3, 1. / 3, 0, 0});
  expect_probabilities(halving_logits(), {.top_p = 0.8}, {4. / 7, 2. / 7, 1. / 7, 0});
  expect_probabilities(halving_logits(), {.top_p = 0.9}, {0.5, 0.25, 0.125, 0.125});
  expect_probabilities(halving_logits().flip(0), {.top_p = 0.6}, {0, 0, 1. / 3, 2. / 3});
}

TEST(SamplingProbabilities, AreOfTheFirstTokensAmongEqualsThatReachTopP) {
  expect_probabilities(torch::zeros({4}), {.top_p = 0.5}, {0.5, 0.5, 0, 0});
}

TEST(SamplingProbabilities, AreOfOneTokenWhereTopPIsTiny) {
  expect_probabilities(halving_logits(), {.top_p = 1e-9}, {1, 0, 0, 0});
}

// Roots of 1/2, 1/4 and 1/8 have shares of 0.453, 0.320 and 0.227.
TEST(SamplingProbabilities, TakeTemperatureThenTopKThenTopP) {
  const double sum = std::sqrt(0.5) + 0.5;
  expect_probabilities(make_logits({0.5, 0.25, 0.125, 0.0625, 0.0625}).log(),
                       {.temperature = 2, .top_k = 3, .top_p = 0.5},
                       {std::sqrt(0.5) / sum, 0.5 / sum, 0, 0, 0});
}

TEST(SamplingProbabilities, OfATokenWithoutAFiniteLogitAreZero) {
  expect_probabilities(make_logits({1, -infinity, 1}), {}, {0.5, 0, 0.5});
}

TEST(SamplingProbabilities, AreFloat64ForLogitsInHalfPrecision) {
  expect_probabilities(torch::zeros({4}, torch::kBFloat16), {}, {0.25, 0.25, 0.25, 0.25});
}

TEST(SamplingProbabilities, DoNotChangeTheLogits) {
  const auto logits = halving_logits();
  sampling_probabilities(logits, {.temperature = 0.5, .top_k = 3, .top_p = 0.6});
  EXPECT_TRUE(torch::equal(logits, halving_logits()));
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  for (const double temperature : {0., 1.}) {
    Sampler sampler({.temperature = temperature});
    for (const auto& logits : {make_logits({1, std::nan(""), 2}),
                               make_logits({-infinity, -infinity}), make_logits({1, infinity})}) {
      EXPECT_THAT(error_of([&] { sampler.draw(logits); }), HasSubstr("logits are not finite"));
    }
  }
}

std::vector<std::int64_t> draws(const SamplingOptions& options, int count) {
  Sampler sampler(options);
  const auto logits = halving_logits();
  std::vector<std::int64_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(sampler.draw(logits));
  return tokens;
}

TEST(Sampler, DrawsTheSameTokensFromTheSameSeed) {
  at::manual_seed(1);
  const auto first = draws({.seed = 5}, 50);
  at::manual_seed(2);
  EXPECT_EQ(draws({.seed = 5}, 50), first);
}

TEST(Sampler, DrawsOtherTokensFromAnotherSeed) {
  EXPECT_NE(draws({.seed = 5}, 50), draws({.seed = 6}, 50));
}

/// Pearson's statistic of `tokens` under `expected`; no token of probability 0 may occur.
double chi_square(const std::vector<std::int64_t>& tokens, const std::vector<double>& expected) {
  double sum = 0;
  for (std::size_t token = 0; token < expected.size(); ++token) {
    const auto count = static_cast<double>(std::ranges::count(tokens, std::int64_t(token)));
    const double mean = expected[token] * static_cast<double>(tokens.size());
    if (mean == 0) {
      EXPECT_EQ(count, 0) << token;
    } else {
      sum += (count - mean) * (count - mean) / mean;
    }
  }
  return sum;
}

// 21.1 is exceeded by 1 sample in 10,000 at 3 degrees of freedom, 18.4 at 2.
TEST(Sampler, DrawsTokensAsOftenAsTheyAreLikely) {
  EXPECT_LT(chi_square(draws({.seed = 1}, 20'000), {0.5, 0.25, 0.125, 0.125}), 21.1);
}

TEST(Sampler, DrawsTokensThatAreLeftAsOftenAsTheyAreLikely) {
  EXPECT_LT(chi_square(draws({.top_p = 0.8, .seed = 2}, 20'000), {4. / 7, 2. / 7, 1. / 7, 0}),
            18.4);
}

}  // namespace
}  // namespace aero::model
