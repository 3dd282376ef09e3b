// Entropy of attention rows, as attention and block give it.

#include "tests/model/decoders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace aero::model {
namespace {

using ::testing::ElementsAre;
using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;

constexpr double float32_digits = 2e-6;

Attention make_random_attention(const ModelConfig& config) {
  const torch::NoGradGuard no_grad;
  const auto attention = std::make_shared<ProjectedAttentionImpl>(config);
  attention->to(torch::kFloat64);
  std::uint64_t seed = 1;
  for (auto& parameter : attention->parameters()) {
    parameter.copy_(normal(parameter.sizes(), seed++));
  }
  return attention;
}

/// Of an attention or a block.
template <class Module>
torch::Tensor row_entropy(Module& module, const torch::Tensor& x) {
  torch::Tensor entropy;
  module.forward(x, &entropy);
  return entropy;
}

/// log(i + 1) for row i.
torch::Tensor entropy_of_uniform_rows(std::int64_t length) {
  return torch::arange(1, length + 1, torch::kFloat64).log();
}

TEST(RowEntropy, OfUniformAttentionIsTheLogOfTheVisiblePositions) {
  const torch::NoGradGuard no_grad;
  for (const auto& config : {small_gpt2(), small_pythia()}) {
    const auto attention = make_random_attention(config);
    attention->q->weight.zero_();
    attention->q->bias.zero_();
    const auto entropy = row_entropy(*attention, normal({3, 12, config.d_model}, 9));
    EXPECT_THAT(entropy.sizes().vec(), ElementsAre(3, 2, 12));
    EXPECT_EQ(entropy.scalar_type(), torch::kFloat64);
    EXPECT_LE(largest_difference(entropy, entropy_of_uniform_rows(12).expand({3, 2, 12})),
              float32_digits);
  }
}

// Each position sees itself with a score of 10^4 / sqrt(8) and every other one with 0.
TEST(RowEntropy, OfOneHotAttentionIsZero) {
  const torch::NoGradGuard no_grad;
  auto config = small_gpt2();
  config.n_head = 1;
  config.biases = BiasSet::none;
  const auto attention = make_random_attention(config);
  attention->q->weight.copy_(100 * torch::eye(8));
  attention->k->weight.copy_(100 * torch::eye(8));
  const auto entropy = row_entropy(*attention, torch::eye(8, torch::kFloat64).unsqueeze(0));
  EXPECT_LE(largest(entropy), float32_digits);
}

// - sum a log a over softmax(q k^T / sqrt(d_k)), head by head.
TEST(RowEntropy, IsThatOfTheAttentionInFloat64) {
  const torch::NoGradGuard no_grad;
  const auto attention = make_random_attention(small_gpt2());
  const auto x = normal({3, 12, 8}, 9);
  const auto q = torch::matmul(x, attention->q->weight.t()) + attention->q->bias;
  const auto k = torch::matmul(x, attention->k->weight.t()) + attention->k->bias;
  const auto future = torch::ones({12, 12}, torch::kBool).triu(1);
  const auto entropy = row_entropy(*attention, x);
  for (std::int64_t head = 0; head < 2; ++head) {
    const auto scores =
        torch::matmul(q.narrow(2, 4 * head, 4), k.narrow(2, 4 * head, 4).transpose(1, 2)) /
        std::sqrt(4.0);
    const auto a = scores.masked_fill(future, -std::numeric_limits<double>::infinity()).softmax(-1);
    const auto expected = -torch::xlogy(a, a).sum(-1);
    EXPECT_LE(largest_difference(entropy.select(1, head), expected), float32_digits);
  }
}

// Rotated, one and the same key is another at every position.
TEST(RowEntropy, KnowsRotaryPositions) {
  const torch::NoGradGuard no_grad;
  const auto config = small_pythia();
  const auto attention = make_random_attention(config);
  const auto x = normal({1, 1, 16}, 9).expand({1, 12, 16});
  EXPECT_GT(largest_difference(row_entropy(*attention, x),
                               entropy_of_uniform_rows(12).expand({1, 2, 12})),
            1e-2);
}

TEST(RowEntropy, OfABlockIsTakenBehindItsNorm) {
  const torch::NoGradGuard no_grad;
  auto config = small_gpt2();
  const auto x = normal({2, 12, 8}, 9);
  const auto normed = make_decoder(config)->blocks()[0];
  EXPECT_LE(largest_difference(row_entropy(*normed, 1000 * x), row_entropy(*normed, 10 * x)), 1e-4);
  config.norm = NormKind::none;
  const auto bare = make_decoder(config)->blocks()[0];
  EXPECT_GT(largest_difference(row_entropy(*bare, 1000 * x), row_entropy(*bare, 10 * x)), 1e-2);
}

}  // namespace
}  // namespace aero::model
