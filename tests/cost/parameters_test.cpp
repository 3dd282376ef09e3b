#include "aero/cost/parameters.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::cost {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

ModelConfig preset(const char* name, const char* architecture = "SM+LN+G") {
  ModelConfig config;
  apply_preset(name, config);
  apply_architecture(architecture, config);
  return config;
}

// The parts by hand below: L = 2, d = 4, d_ffn = 10, 6 positions, V = 7.
ModelConfig small() {
  return {.n_layer = 2, .n_head = 2, .d_model = 4, .d_ffn = 10, .context = 6, .vocab_size = 7};
}

// num_parameters() of transformers' GPT2LMHeadModel(GPT2Config()), and its named_parameters()
// summed by part.
TEST(Parameters, OfGpt2AreHuggingFaces) {
  const auto parameters = count_parameters(preset("gpt2"));
  EXPECT_EQ(parameters.total(), 124'439'808);
  EXPECT_EQ(parameters.embedding, 39'383'808);
  EXPECT_EQ(parameters.attention, 28'348'416);
  EXPECT_EQ(parameters.ffn, 56'669'184);
  EXPECT_EQ(parameters.norm, 38'400);
  EXPECT_EQ(parameters.other, 0);
}

// The same of GPTNeoXForCausalLM in the size of EleutherAI/pythia-70m.
TEST(Parameters, OfPythiaAreHuggingFaces) {
  const auto parameters = count_parameters(preset("pythia-70m"));
  EXPECT_EQ(parameters.total(), 70'426'624);
  EXPECT_EQ(parameters.embedding, 51'511'296);
  EXPECT_EQ(parameters.attention, 6'303'744);
  EXPECT_EQ(parameters.ffn, 12'598'272);
  EXPECT_EQ(parameters.norm, 13'312);
  EXPECT_EQ(parameters.other, 0);
}

// Table 1 of arXiv 2304.01373: 18,915,328 non-embedding parameters.
TEST(Parameters, OutsideTheEmbeddingAreThePythiaPapersNonEmbeddingParameters) {
  const auto parameters = count_parameters(preset("pythia-70m"));
  EXPECT_EQ(parameters.total() - parameters.embedding, 18'915'328);
}

// From the authors' public code.
TEST(Parameters, OfThePapersModelsAreTheAuthors) {
  EXPECT_EQ(count_parameters(preset("gpt2-12l", "SM+LN+G")).total(), 124'177'920);
  EXPECT_EQ(count_parameters(preset("gpt2-12l", "SM+R")).total(), 124'141'056);
}

TEST(Parameters, DependOnTheBiasSetInAttentionAndFfn) {
  auto config = small();
  config.biases = BiasSet::all;
  EXPECT_EQ(count_parameters(config).attention, 160);
  EXPECT_EQ(count_parameters(config).ffn, 188);
  config.biases = BiasSet::qk;
  EXPECT_EQ(count_parameters(config).attention, 144);
  EXPECT_EQ(count_parameters(config).ffn, 160);
  config.biases = BiasSet::none;
  EXPECT_EQ(count_parameters(config).attention, 128);
  EXPECT_EQ(count_parameters(config).ffn, 160);
}

TEST(Parameters, OfNormsAreTwoABlockAndTheFinalOne) {
  auto config = small();
  EXPECT_EQ(count_parameters(config).norm, 40);
  config.norm_bias = false;
  EXPECT_EQ(count_parameters(config).norm, 20);
  config.norm_bias = true;
  config.norm = NormKind::rmsnorm;
  EXPECT_EQ(count_parameters(config).norm, 20);
  config.norm = NormKind::none;
  EXPECT_EQ(count_parameters(config).norm, 8);
  config.final_norm = false;
  EXPECT_EQ(count_parameters(config).norm, 0);
}

TEST(Parameters, OfTheEmbeddingHoldPositionsAndAnUntiedHead) {
  auto config = small();
  EXPECT_EQ(count_parameters(config).embedding, 28 + 24);
  config.positions = 100;
  EXPECT_EQ(count_parameters(config).embedding, 28 + 400);
  config.tied_head = false;
  EXPECT_EQ(count_parameters(config).embedding, 28 + 400 + 28);
  config.positions = 0;
  config.family = Family::pythia;
  EXPECT_EQ(count_parameters(config).embedding, 28 + 28);
}

TEST(Parameters, OtherThanTheseAreLearnedSlopes) {
  auto config = small();
  config.leaky_slope = LeakySlope::layer;
  EXPECT_EQ(count_parameters(config).other, 0);
  config.activation = ActivationKind::leaky_relu;
  EXPECT_EQ(count_parameters(config).other, 2);
  config.leaky_slope = LeakySlope::model;
  EXPECT_EQ(count_parameters(config).other, 1);
  config.leaky_slope = LeakySlope::fixed;
  EXPECT_EQ(count_parameters(config).other, 0);
}

TEST(Parameters, OfAnAbsurdSizeAreRefused) {
  auto config = small();
  config.d_model = std::int64_t{1} << 33;
  EXPECT_THAT([&] { count_parameters(config); },
              ThrowsMessage<UsageError>(HasSubstr("64 bits; check model.n_layer, model.d_model")));
}

}  // namespace
}  // namespace aero::cost
