// Which parameters a decoder has: what a config leaves out does not exist.

#include "tests/model/decoders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace aero::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names_of(const ModelConfig& config) {
  return Decoder(config)->named_parameters().keys();
}

ModelConfig one_layer(ModelConfig config) {
  config.n_layer = 1;
  return config;
}

/// Softmax alone: no norm, no activation, no bias, no head of its own.
ModelConfig bare() {
  auto config = one_layer(small_gpt2());
  config.norm = NormKind::none;
  config.final_norm = false;
  config.activation = ActivationKind::none;
  config.biases = BiasSet::none;
  return config;
}

TEST(Parameters, OfAGpt2HaveTheseNames) {
  EXPECT_THAT(
      names_of(one_layer(small_gpt2())),
      UnorderedElementsAre(
          "tokens.weight", "positions.weight", "blocks.0.norm1.weight", "blocks.0.norm1.bias",
          "blocks.0.attention.q.weight", "blocks.0.attention.q.bias", "blocks.0.attention.k.weight",
          "blocks.0.attention.k.bias", "blocks.0.attention.v.weight", "blocks.0.attention.v.bias",
          "blocks.0.attention.o.weight", "blocks.0.attention.o.bias", "blocks.0.norm2.weight",
          "blocks.0.norm2.bias", "blocks.0.ffn.w_in.weight", "blocks.0.ffn.w_in.bias",
          "blocks.0.ffn.w_out.weight", "blocks.0.ffn.w_out.bias", "final_norm.weight",
          "final_norm.bias"));
}

TEST(Parameters, OfAPythiaHaveAHeadAndNoPositions) {
  EXPECT_THAT(names_of(one_layer(small_pythia())),
              UnorderedElementsAre("tokens.weight", "blocks.0.norm1.weight", "blocks.0.norm1.bias",
                                   "blocks.0.attention.q.weight", "blocks.0.attention.q.bias",
                                   "blocks.0.attention.k.weight", "blocks.0.attention.k.bias",
                                   "blocks.0.attention.v.weight", "blocks.0.attention.v.bias",
                                   "blocks.0.attention.o.weight", "blocks.0.attention.o.bias",
                                   "blocks.0.norm2.weight", "blocks.0.norm2.bias",
                                   "blocks.0.ffn.w_in.weight", "blocks.0.ffn.w_in.bias",
                                   "blocks.0.ffn.w_out.weight", "blocks.0.ffn.w_out.bias",
                                   "final_norm.weight", "final_norm.bias", "head.weight"));
}

TEST(Parameters, OfASoftmaxOnlyModelAreItsMatrices) {
  EXPECT_THAT(names_of(bare()),
              UnorderedElementsAre("tokens.weight", "positions.weight",
                                   "blocks.0.attention.q.weight", "blocks.0.attention.k.weight",
                                   "blocks.0.attention.v.weight", "blocks.0.attention.o.weight",
                                   "blocks.0.ffn.w_in.weight", "blocks.0.ffn.w_out.weight"));
}

/// What `change` adds to the names of bare().
template <class Change>
std::vector<std::string> added_by(Change change) {
  auto config = bare();
  const auto before = names_of(config);
  change(config);
  std::vector<std::string> added;
  for (const auto& name : names_of(config)) {
    if (std::ranges::find(before, name) == before.end()) added.push_back(name);
  }
  return added;
}

TEST(Parameters, OfQueriesAndKeysAloneAreTheirBiases) {
  EXPECT_THAT(added_by([](auto& m) { m.biases = BiasSet::qk; }),
              UnorderedElementsAre("blocks.0.attention.q.bias", "blocks.0.attention.k.bias"));
}

TEST(Parameters, OfAnRmsNormAreItsGains) {
  EXPECT_THAT(
      added_by([](auto& m) {
        m.norm = NormKind::rmsnorm;
        m.final_norm = true;
      }),
      UnorderedElementsAre("blocks.0.norm1.weight", "blocks.0.norm2.weight", "final_norm.weight"));
}

TEST(Parameters, OfALayerNormWithoutABiasAreItsGains) {
  EXPECT_THAT(added_by([](auto& m) {
                m.norm = NormKind::layernorm;
                m.norm_bias = false;
              }),
              UnorderedElementsAre("blocks.0.norm1.weight", "blocks.0.norm2.weight"));
}

TEST(Parameters, OfAFinalNormBehindBareBlocksAreALayerNorms) {
  EXPECT_THAT(added_by([](auto& m) { m.final_norm = true; }),
              UnorderedElementsAre("final_norm.weight", "final_norm.bias"));
}

TEST(Parameters, OfALeakyReluAreTheSlopeOfALayerOrOfTheModelOrNone) {
  const auto leaky = [](LeakySlope slope) {
    return added_by([=](auto& m) {
      m.n_layer = 1;
      m.activation = ActivationKind::leaky_relu;
      m.leaky_slope = slope;
    });
  };
  EXPECT_THAT(leaky(LeakySlope::layer), ElementsAre("blocks.0.ffn.activation.slope"));
  EXPECT_THAT(leaky(LeakySlope::model), ElementsAre("activation.slope"));
  EXPECT_THAT(leaky(LeakySlope::fixed), IsEmpty());
}

TEST(Parameters, OfAModelsSlopeAreOneForAllLayers) {
  auto config = small_gpt2();
  config.n_layer = 3;
  config.activation = ActivationKind::leaky_relu;
  const auto slopes = [&](LeakySlope slope) {
    config.leaky_slope = slope;
    return std::ranges::count_if(names_of(config),
                                 [](const auto& name) { return name.ends_with("slope"); });
  };
  EXPECT_EQ(slopes(LeakySlope::layer), 3);
  EXPECT_EQ(slopes(LeakySlope::model), 1);
  EXPECT_EQ(slopes(LeakySlope::fixed), 0);
}

TEST(Parameters, OfOtherActivationsAreNone) {
  for (const auto kind : {ActivationKind::gelu, ActivationKind::gelu_tanh, ActivationKind::relu}) {
    EXPECT_THAT(added_by([=](auto& m) { m.activation = kind; }), IsEmpty());
  }
}

TEST(Parameters, HaveTheShapesOfTheConfig) {
  auto config = small_gpt2();
  config.d_ffn = 20;
  config.positions = 15;
  config.tied_head = false;
  config.activation = ActivationKind::leaky_relu;
  const auto parameters = Decoder(config)->named_parameters();
  const auto shape = [&](const char* name) { return parameters[name].sizes().vec(); };
  EXPECT_THAT(shape("tokens.weight"), ElementsAre(13, 8));
  EXPECT_THAT(shape("positions.weight"), ElementsAre(15, 8));
  EXPECT_THAT(shape("head.weight"), ElementsAre(13, 8));
  EXPECT_THAT(shape("blocks.1.attention.v.weight"), ElementsAre(8, 8));
  EXPECT_THAT(shape("blocks.1.attention.v.bias"), ElementsAre(8));
  EXPECT_THAT(shape("blocks.1.ffn.w_in.weight"), ElementsAre(20, 8));
  EXPECT_THAT(shape("blocks.1.ffn.w_in.bias"), ElementsAre(20));
  EXPECT_THAT(shape("blocks.1.ffn.w_out.weight"), ElementsAre(8, 20));
  EXPECT_THAT(shape("blocks.1.ffn.w_out.bias"), ElementsAre(8));
  EXPECT_THAT(shape("blocks.1.norm2.bias"), ElementsAre(8));
  EXPECT_THAT(shape("blocks.1.ffn.activation.slope"), ElementsAre(1));
}

// Through a slope of the model's, gradients of all layers come together.
TEST(Parameters, AllHaveAGradient) {
  for (auto config : {small_gpt2(), small_pythia()}) {
    config.activation = ActivationKind::leaky_relu;
    config.leaky_slope = LeakySlope::model;
    auto decoder = make_decoder(config);
    decoder->loss(make_tokens(2, 12), make_tokens(2, 12).roll(1, 1)).backward();
    for (const auto& item : decoder->named_parameters()) {
      ASSERT_TRUE(item.value().grad().defined()) << item.key();
      // Softmax does not change where every score of a row grows alike, as a key's bias has it.
      if (item.key().ends_with("k.bias") && config.family == Family::gpt2) continue;
      EXPECT_GT(testing_support::largest(item.value().grad()), 0) << item.key();
    }
  }
}

}  // namespace
}  // namespace aero::model
