#include "aero/model/initialization.h"

#include "aero/model/linear.h"
#include "aero/ops/generator.h"

#include "tests/model/decoders.h"
#include "tests/support/device.h"

#include <ATen/Context.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <utility>

namespace aero::model {
namespace {

using testing_support::largest_difference;

/// Matrices of 4,096 entries and more: the std of a sample is within 1.1 % of the distribution's,
/// its mean within 1/64 of a std, in 2 of 3 cases.
ModelConfig wide() {
  return {.n_layer = 4,
          .n_head = 4,
          .d_model = 64,
          .context = 64,
          .vocab_size = 512,
          .activation = ActivationKind::leaky_relu,
          .leaky_init = 0.07,
          .tied_head = false,
          .init_std = 0.05};
}

torch::OrderedDict<std::string, torch::Tensor> initialized(const ModelConfig& config,
                                                           std::uint64_t seed = 1) {
  Decoder decoder(config);
  initialize(*decoder, seed);
  return decoder->named_parameters();
}

bool writes_to_the_residual_stream(const std::string& name) {
  return name.ends_with("attention.o.weight") || name.ends_with("ffn.w_out.weight");
}

bool is_matrix(const std::string& name) {
  return name.ends_with(".weight") && name.find("norm") == std::string::npos;
}

/// `branch_std` is that of the projections back to the residual stream.
void expect_stds(const ModelConfig& config, double std, double branch_std) {
  for (const auto& item : initialized(config)) {
    if (!is_matrix(item.key())) continue;
    const double expected = writes_to_the_residual_stream(item.key()) ? branch_std : std;
    EXPECT_NEAR(item.value().std().item<double>() / expected, 1, 0.05) << item.key();
    EXPECT_NEAR(item.value().mean().item<double>() / expected, 0, 0.07) << item.key();
  }
}

TEST(Initialization, DrawsMatricesWithTheStdOfTheConfig) {
  auto config = wide();
  config.residual_scaling = false;
  expect_stds(config, 0.05, 0.05);
}

TEST(Initialization, ScalesWhatWritesToTheResidualStream) {
  expect_stds(wide(), 0.05, 0.05 / std::sqrt(8.0));
}

TEST(Initialization, TakesItsStdFromTheWidthByTheWidthRule) {
  auto config = wide();
  config.init = InitRule::width;
  expect_stds(config, 0.125, 0.125 / std::sqrt(8.0));
}

// The fourth moment of a normal distribution is 3, of a uniform one 1.8; that of a sample of 32,768
// is within 0.03 of it in 2 of 3 cases.
TEST(Initialization, DrawsFromANormalDistribution) {
  const auto tokens = initialized(wide())["tokens.weight"] / 0.05;
  EXPECT_NEAR(tokens.pow(4).mean().item<double>(), 3, 0.15);
}

TEST(Initialization, SetsBiasesNormsAndSlopes) {
  std::int64_t found = 0;
  for (const auto& item : initialized(wide())) {
    if (is_matrix(item.key())) continue;
    const bool is_gain = item.key().ends_with(".weight");
    const double expected = is_gain ? 1 : item.key().ends_with(".slope") ? 0.07 : 0;
    EXPECT_LE((item.value() - expected).abs().max().item<double>(), 1e-8) << item.key();
    ++found;
  }
  EXPECT_EQ(found, 4 * (4 + 6 + 1) + 2);
}

TEST(Initialization, GivesTheSameWeightsForTheSameSeed) {
  at::manual_seed(1);
  const auto first = initialized(wide(), 7);
  at::manual_seed(2);
  const auto second = initialized(wide(), 7);
  for (const auto& item : first) {
    EXPECT_TRUE(torch::equal(item.value(), second[item.key()])) << item.key();
  }
}

TEST(Initialization, GivesOtherWeightsForAnotherSeed) {
  const auto first = initialized(wide(), 7);
  const auto second = initialized(wide(), 8);
  for (const auto& item : first) {
    if (!is_matrix(item.key())) continue;
    EXPECT_GT(largest_difference(item.value(), second[item.key()]), 0.01) << item.key();
  }
}

TEST(Initialization, DrawsEachMatrixAnew) {
  const auto parameters = initialized(wide());
  EXPECT_GT(largest_difference(parameters["blocks.0.attention.q.weight"],
                               parameters["blocks.0.attention.k.weight"]),
            0.01);
  EXPECT_GT(largest_difference(parameters["blocks.0.attention.q.weight"],
                               parameters["blocks.1.attention.q.weight"]),
            0.01);
}

TEST(Initialization, LeavesTheGlobalGeneratorAlone) {
  at::manual_seed(3);
  const auto expected = torch::rand({4});
  at::manual_seed(3);
  initialized(small_gpt2());
  EXPECT_TRUE(torch::equal(torch::rand({4}), expected));
}

// As a warm start does it, where the model is on its device already.
TEST(Initialization, StartsSpectralNormsOnAnyDeviceAlike) {
  const torch::NoGradGuard no_grad;
  const auto start = [](torch::Device device) {
    SpectralNormLinearImpl linear(6, 4, /*with_bias=*/false, ParameterKind::matrix);
    linear.weight.copy_(testing_support::normal({4, 6}, 1));
    linear.to(device);
    linear.start(ops::make_generator(7));
    return std::pair(linear.u, linear.v);
  };
  const auto [u, v] = start(testing_support::test_device());
  EXPECT_EQ(u.device().type(), testing_support::test_device().type());
  // The vectors of the largest singular value, up to a sign that the draw decides.
  const auto [left, values, right] = torch::linalg_svd(testing_support::normal({4, 6}, 1));
  const auto sign = left.select(1, 0).dot(testing_support::back(u).to(torch::kFloat64)).sign();
  EXPECT_LE(largest_difference(u, sign * left.select(1, 0)), 1e-2);
  const auto [same_u, same_v] = start(torch::kCPU);
  EXPECT_LE(largest_difference(u, same_u), 1e-6);
  EXPECT_LE(largest_difference(v, same_v), 1e-6);
}

}  // namespace
}  // namespace aero::model
