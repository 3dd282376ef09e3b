#include "aero/model/decoder.h"

#include "aero/core/error.h"

#include "tests/model/decoders.h"
#include "tests/support/autocast.h"
#include "tests/support/faults.h"

#include <ATen/Context.h>
#include <torch/nn/functional/loss.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace aero::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_support::Autocast;
using testing_support::error_of;
using testing_support::largest_difference;
using testing_support::relative_difference;

class DecoderOf : public ::testing::TestWithParam<NamedModel> {};

INSTANTIATE_TEST_SUITE_P(Models, DecoderOf, every_kind(),
                         [](const auto& info) { return info.param.name; });

TEST_P(DecoderOf, AChangedTokenChangesNoEarlierLogits) {
  auto decoder = make_decoder_there(GetParam().config);
  const auto tokens = make_tokens_there(2, 12);
  const auto logits = decoder->forward(tokens);
  for (std::int64_t t = 0; t < 12; ++t) {
    auto changed = tokens.clone();
    changed.select(1, t) = (changed.select(1, t) + 1).remainder(13);
    const auto changed_logits = decoder->forward(changed);
    EXPECT_TRUE(torch::equal(changed_logits.narrow(1, 0, t), logits.narrow(1, 0, t))) << t;
    for (std::int64_t later = t; later < 12; ++later) {
      EXPECT_GT(largest_difference(changed_logits.select(1, later), logits.select(1, later)), 1e-4)
          << t << " does not reach " << later;
    }
  }
}

TEST_P(DecoderOf, OneSequenceOfABatchDoesNotChangeAnother) {
  auto decoder = make_decoder_there(GetParam().config);
  const auto tokens = make_tokens_there(3, 12);
  const auto logits = decoder->forward(tokens);
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto alone = decoder->forward(tokens.narrow(0, b, 1));
    EXPECT_LE(largest_difference(alone[0], logits[b]), 1e-12);
  }
}

TEST_P(DecoderOf, GivesLogitsOfEveryTokenAtEveryPosition) {
  auto decoder = make_decoder_there(GetParam().config);
  EXPECT_THAT(decoder->forward(make_tokens_there(3, 7)).sizes().vec(), ElementsAre(3, 7, 13));
  EXPECT_THAT(decoder->hidden(make_tokens_there(3, 7)).sizes().vec(),
              ElementsAre(3, 7, GetParam().config.d_model));
}

TEST_P(DecoderOf, LossIsTheCrossEntropyOfItsLogits) {
  auto decoder = make_decoder_there(GetParam().config);
  const auto tokens = make_tokens_there(2, 12);
  auto targets = make_tokens_there(2, 12).roll(1, 1);
  targets[1][3] = -100;
  const auto expected =
      at::cross_entropy_loss(decoder->forward(tokens).flatten(0, 1), targets.flatten());
  EXPECT_LE(largest_difference(decoder->loss(tokens, targets), expected), 1e-12);
}

TEST_P(DecoderOf, IsItsBlocksBetweenItsEmbeddingAndItsHead) {
  auto decoder = make_decoder_there(GetParam().config);
  const auto tokens = make_tokens_there(2, 12);
  auto x = decoder->embed(tokens);
  for (const auto& block : decoder->blocks()) x = block->forward(x);
  const auto logits = torch::matmul(decoder->finish(x), decoder->head_weight().t());
  EXPECT_LE(largest_difference(logits, decoder->forward(tokens)), 1e-12);
}

TEST_P(DecoderOf, RefusesMoreTokensThanItsContext) {
  auto decoder = make_decoder_there(GetParam().config);
  EXPECT_NO_THROW(decoder->forward(make_tokens_there(1, 12)));
  EXPECT_THAT(error_of([&] { decoder->forward(make_tokens_there(1, 13)); }),
              HasSubstr("13 positions are more than model.context = 12"));
}

TEST_P(DecoderOf, IsCloseToItselfInFloat32UnderAutocast) {
  auto decoder = make_decoder_there(GetParam().config, torch::kFloat32);
  const auto tokens = make_tokens_there(2, 12);
  const auto expected = decoder->forward(tokens);
  const auto expected_loss = decoder->loss(tokens, tokens);
  const Autocast autocast(torch::kBFloat16);
  const auto logits = decoder->forward(tokens);
  EXPECT_EQ(logits.scalar_type(), torch::kBFloat16);
  EXPECT_LE(relative_difference(logits, expected), 5e-2);
  const auto loss = decoder->loss(tokens, tokens);
  EXPECT_EQ(loss.scalar_type(), torch::kFloat32);
  EXPECT_LE(relative_difference(loss, expected_loss), 5e-2);
}

TEST_P(DecoderOf, KeepsItsResidualStreamInFloat32UnderAutocast) {
  auto decoder = make_decoder_there(GetParam().config, torch::kFloat32);
  const Autocast autocast(torch::kBFloat16);
  auto x = decoder->embed(make_tokens_there(2, 12));
  for (const auto& block : decoder->blocks()) {
    x = block->forward(x);
    EXPECT_EQ(x.scalar_type(), torch::kFloat32);
  }
}

TEST(Decoder, AddsItsPositionsFromTheStartOn) {
  auto decoder = make_decoder_there(small_gpt2());
  const auto& parameters = decoder->named_parameters();
  const auto tokens = make_tokens_there(2, 4);
  const auto expected =
      parameters["tokens.weight"].index({tokens}) + parameters["positions.weight"].narrow(0, 5, 4);
  EXPECT_LE(largest_difference(decoder->embed(tokens, 5), expected), 1e-15);
}

TEST(Decoder, UsesItsTokenTableAsATiedHead) {
  auto decoder = make_decoder_there(small_gpt2());
  EXPECT_TRUE(decoder->head_weight().is_same(decoder->named_parameters()["tokens.weight"]));
}

TEST(Decoder, GivesATiedWeightTheGradientsOfBothItsUses) {
  auto decoder = make_decoder_there(small_gpt2());
  const auto tokens = make_tokens_there(2, 12);
  const auto targets = tokens.flip(1);
  const auto weight = decoder->head_weight();
  const auto logits = torch::linear(decoder->hidden(tokens), weight);
  torch::nn::functional::cross_entropy(logits.flatten(0, 1), targets.flatten()).backward();
  const auto expected = weight.grad().clone();
  weight.mutable_grad() = torch::Tensor();
  for (int batch = 0; batch < 2; ++batch) decoder->loss(tokens, targets).backward();
  EXPECT_EQ(weight.grad().layout(), torch::kStrided);
  EXPECT_LE(largest_difference(weight.grad(), 2 * expected), 1e-14);
}

TEST(Decoder, UsesAnUntiedHead) {
  auto decoder = make_decoder_there(small_pythia());
  EXPECT_TRUE(decoder->head_weight().is_same(decoder->named_parameters()["head.weight"]));
}

struct Dropout {
  const char* name;
  double ModelConfig::*rate;
};

void PrintTo(const Dropout& dropout, std::ostream* out) {
  *out << dropout.name;
}

class DecoderWith : public ::testing::TestWithParam<Dropout> {};

INSTANTIATE_TEST_SUITE_P(Dropouts, DecoderWith,
                         ::testing::Values(Dropout{"embedding", &ModelConfig::dropout_embedding},
                                           Dropout{"attention", &ModelConfig::dropout_attention},
                                           Dropout{"residual", &ModelConfig::dropout_residual}),
                         [](const auto& info) { return info.param.name; });

TEST_P(DecoderWith, DropsOutWhileTrainingAlone) {
  auto config = small_gpt2();
  auto without = make_decoder_there(config);
  config.*GetParam().rate = 0.5;
  auto with = make_decoder_there(config);
  const auto tokens = make_tokens_there(2, 12);

  EXPECT_TRUE(torch::equal(with->forward(tokens), without->forward(tokens)));
  with->train();
  at::manual_seed(1);
  const auto first = with->forward(tokens);
  const auto second = with->forward(tokens);
  EXPECT_GT(largest_difference(first, second), 1e-3);
  at::manual_seed(1);
  EXPECT_TRUE(torch::equal(with->forward(tokens), first));
  with->eval();
  EXPECT_TRUE(torch::equal(with->forward(tokens), without->forward(tokens)));
}

TEST(Decoder, IsTheSameInTrainingWhereItHasNoDropout) {
  auto decoder = make_decoder_there(small_gpt2());
  const auto tokens = make_tokens_there(2, 12);
  const auto expected = decoder->forward(tokens);
  decoder->train();
  EXPECT_TRUE(torch::equal(decoder->forward(tokens), expected));
}

}  // namespace
}  // namespace aero::model
