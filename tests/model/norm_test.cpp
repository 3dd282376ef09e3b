#include "aero/model/norm.h"

#include "tests/support/host_reads.h"
#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cmath>

namespace aero::model {
namespace {

using testing_support::HostReads;
using testing_support::largest_difference;

torch::Tensor numbers(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64);
}

/// make_norm() with the weight 1, 2, 3 and, where it has one, the bias 10, 20, 30.
Part make(NormKind kind, bool with_bias) {
  const torch::NoGradGuard no_grad;
  const auto norm = make_norm(kind, {.d_model = 3, .norm_bias = with_bias, .norm_eps = 0.5});
  norm->to(torch::kFloat64);
  norm->named_parameters()["weight"].copy_(numbers({1, 2, 3}));
  if (auto* bias = norm->named_parameters().find("bias")) bias->copy_(numbers({10, 20, 30}));
  return norm;
}

// 1, 2, 6 have the mean 3 and the variance 14/3.
TEST(Norm, LayerNormIsTheHandsCount) {
  const double s = std::sqrt(14. / 3 + 0.5);
  const auto x = numbers({1, 2, 6});
  EXPECT_LE(largest_difference(make(NormKind::layernorm, true)->forward(x),
                               numbers({-2 / s + 10, -2 / s + 20, 9 / s + 30})),
            1e-14);
  EXPECT_LE(largest_difference(make(NormKind::layernorm, false)->forward(x),
                               numbers({-2 / s, -2 / s, 9 / s})),
            1e-14);
}

// The squares of 1, 2, 6 have the mean 41/3.
TEST(Norm, RmsNormIsTheHandsCount) {
  const double s = std::sqrt(41. / 3 + 0.5);
  EXPECT_LE(largest_difference(make(NormKind::rmsnorm, true)->forward(numbers({1, 2, 6})),
                               numbers({1 / s, 4 / s, 18 / s})),
            1e-14);
}

struct FixedNorm {
  std::shared_ptr<FixedLayerNormImpl> norm;
  torch::Tensor sigma;
};

/// A fixed norm of momentum 0.9 with the weight 1, 2, 3 and the bias 10, 20, 30.
FixedNorm make_fixed() {
  const torch::NoGradGuard no_grad;
  const ModelConfig config{.d_model = 3, .norm_eps = 0.5, .norm_fixed = {.momentum = 0.9}};
  const auto norm = std::make_shared<FixedLayerNormImpl>(config);
  norm->to(torch::kFloat64);
  norm->named_parameters()["weight"].copy_(numbers({1, 2, 3}));
  norm->named_parameters()["bias"].copy_(numbers({10, 20, 30}));
  return {norm, norm->named_buffers()["sigma"]};
}

TEST(Norm, FixedBeginsAsALayerNorm) {
  const auto x = numbers({1, 2, 6});
  EXPECT_EQ(largest_difference(make_fixed().norm->forward(x),
                               make(NormKind::layernorm, true)->forward(x)),
            0);
}

// The rows have the variances 14/3 and 0, then 2/3.
TEST(Norm, FixedAveragesTheVarianceOfBatches) {
  auto [norm, sigma] = make_fixed();
  norm->forward(numbers({1, 2, 6, 4, 4, 4}).view({2, 3}));
  const double first = 7. / 3 + 0.5;
  EXPECT_NEAR(sigma.item<double>(), std::sqrt(first), 1e-14);
  norm->forward(numbers({1, 2, 3}));
  const double second = 0.9 * first + 0.1 * (2. / 3 + 0.5);
  EXPECT_NEAR(sigma.item<double>(), std::sqrt(second), 1e-14);

  norm->forward(numbers({1, std::nan(""), 3}));
  norm->eval();
  norm->forward(numbers({1, 2, 3}));
  norm->train();
  norm->set_gate(0.5);
  norm->forward(numbers({1, 2, 3}));
  EXPECT_NEAR(sigma.item<double>(), std::sqrt(second), 1e-14);
}

TEST(Norm, FixedPassesOverToTheConstantDeviation) {
  const torch::NoGradGuard no_grad;
  auto [norm, sigma] = make_fixed();
  sigma.fill_(2);
  norm->set_gate(0);
  const auto x = numbers({1, 2, 6});
  EXPECT_LE(largest_difference(norm->forward(x), numbers({9, 19, 34.5})), 1e-14);
  norm->set_gate(0.25);
  const auto expected =
      0.75 * numbers({9, 19, 34.5}) + 0.25 * make(NormKind::layernorm, true)->forward(x);
  EXPECT_LE(largest_difference(norm->forward(x), expected), 1e-14);
}

TEST(Norm, FixedGoesByTheGateThatACheckpointBrings) {
  const torch::NoGradGuard no_grad;
  auto [norm, sigma] = make_fixed();
  sigma.fill_(2);
  const auto x = numbers({1, 2, 6});
  norm->set_gate(0.25);
  norm->forward(x);
  norm->named_buffers()["gate"].copy_(numbers({0}));
  EXPECT_LE(largest_difference(norm->forward(x), numbers({9, 19, 34.5})), 1e-14);
}

TEST(Norm, FixedReadsNothingFromItsDeviceInAForwardPass) {
  auto [norm, sigma] = make_fixed();
  norm->eval();
  for (const double gate : {1.0, 0.5, 0.0}) {
    norm->set_gate(gate);
    const HostReads reads;
    norm->forward(numbers({1, 2, 6}));
    EXPECT_EQ(reads.seen(), 0) << gate;
  }
  norm->named_buffers()["gate"].detach().fill_(0.25);
  const HostReads reads;
  norm->forward(numbers({1, 2, 6}));
  norm->forward(numbers({1, 2, 6}));
  EXPECT_EQ(reads.seen(), 1);
}

TEST(Norm, FixedGoesByHalfACosine) {
  const NormFixedConfig config{.start = 0.2, .end = 0.6};
  for (const auto& [share, gate] :
       {std::pair{0., 1.}, {0.2, 1.}, {0.4, 0.5}, {0.6, 0.}, {1., 0.}}) {
    EXPECT_NEAR(fixed_norm_gate(config, share), gate, 1e-15) << share;
  }
  EXPECT_NEAR(fixed_norm_gate(config, 0.3), 0.5 + std::sqrt(0.125), 1e-15);
  EXPECT_EQ(fixed_norm_gate({.start = 0.5, .end = 0.5}, 0.5), 1);
  EXPECT_EQ(fixed_norm_gate({.start = 0.5, .end = 0.5}, 0.51), 0);
}

TEST(Norm, NoneIsTheInputItself) {
  const auto x = numbers({1, 2, 6});
  EXPECT_TRUE(make_norm(NormKind::none, {})->forward(x).is_same(x));
}

}  // namespace
}  // namespace aero::model
