#include "aero/cost/parameters.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

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

TEST(Parameters, OfThePapersStepsAreTheAuthors) {
  EXPECT_EQ(count_parameters(preset("gpt2-12l", "SM+ScFuFFN")).total(), 74'595'864);
  EXPECT_EQ(count_parameters(preset("gpt2-12l", "SM+ScFuFFN_i6")).total(), 71'056'908);
  // t: L H T = 18,432; theta: L H = 144.
  const auto ereg = count_parameters(preset("gpt2-12l", "EReg(SM(t)+ScFuFFN)"));
  EXPECT_EQ(ereg.total(), 74'595'864 + 18'576);
  EXPECT_EQ(count_parameters(preset("gpt2-12l", "EReg(SM(t)+ScFuFFN_i6)")).total(),
            71'056'908 + 18'576);
  EXPECT_EQ(ereg.other, 24 + 144);
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
  config.norm = NormKind::layernorm_fixed;
  EXPECT_EQ(count_parameters(config).norm, 40);
  EXPECT_EQ(count_buffers(config), 2 * 4);
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

// Of small(): W_in has 10 rows, W_out 4; Q, K, V and O have 4.
TEST(Parameters, OfWeightNormalisationAreAGainARow) {
  auto config = small();
  config.ffn_form = WeightForm::weight_norm;
  EXPECT_EQ(count_parameters(config).ffn, 188 + 2 * (10 + 4));
  EXPECT_EQ(count_parameters(config).attention, 160);
  config.qk_form = WeightForm::weight_norm;
  EXPECT_EQ(count_parameters(config).attention, 160 + 2 * (4 + 4));
  config.v_form = WeightForm::weight_norm;
  EXPECT_EQ(count_parameters(config).attention, 160 + 2 * (4 + 4 + 4));
  config.o_form = WeightForm::weight_norm;
  EXPECT_EQ(count_parameters(config).attention, 160 + 2 * (4 + 4 + 4 + 4));
  EXPECT_EQ(count_buffers(config), 0);
}

TEST(Parameters, OfSpectralNormalisationAreNoneForItsVectorsAreBuffers) {
  auto config = small();
  config.ffn_form = WeightForm::spectral_norm;
  EXPECT_EQ(count_parameters(config), count_parameters(small()));
  EXPECT_EQ(count_buffers(config), 2 * ((10 + 4) + (4 + 10)));
  config.o_form = WeightForm::spectral_norm;
  EXPECT_EQ(count_buffers(config), 2 * ((10 + 4) + (4 + 10) + (4 + 4)));
  config.ffn_pruned = 1;
  EXPECT_EQ(count_buffers(config), (10 + 4) + (4 + 10) + 2 * (4 + 4));
}

TEST(Parameters, OfAPrunedBlockLackTheFfnItsNormItsSlopeAndItsScales) {
  auto config = small();
  config.activation = ActivationKind::leaky_relu;
  config.ffn_scaled = true;
  EXPECT_EQ(count_parameters(config).other, 2 + 4);
  config.ffn_pruned_layers = {0};
  EXPECT_EQ(count_parameters(config).ffn, 94);
  EXPECT_EQ(count_parameters(config).norm, 40 - 8);
  EXPECT_EQ(count_parameters(config).other, 1 + 2);
  EXPECT_EQ(count_parameters(config).attention, 160);
  config.ffn_pruned_layers = {0, 1};
  EXPECT_EQ(count_parameters(config).ffn, 0);
  EXPECT_EQ(count_parameters(config).norm, 40 - 16);
  EXPECT_EQ(count_parameters(config).other, 0);
}

TEST(Parameters, OfAFusedFfnAreOneMatrixWithItsBiasAndGain) {
  auto config = small();
  config.d_ffn = 0;
  config.ffn_fused = true;
  EXPECT_EQ(count_parameters(config).ffn, 2 * (16 + 4));
  config.ffn_form = WeightForm::weight_norm;
  EXPECT_EQ(count_parameters(config).ffn, 2 * (16 + 4 + 4));
  config.biases = BiasSet::qk;
  EXPECT_EQ(count_parameters(config).ffn, 2 * (16 + 4));
}

TEST(Parameters, OfATemperatureAreOneAHeadAndPositionInEachLayer) {
  auto config = small();
  for (const auto form : {TemperatureForm::raw, TemperatureForm::exp, TemperatureForm::softplus}) {
    config.temperature = form;
    EXPECT_EQ(count_parameters(config).attention, 160 + 2 * 2 * 6);
  }
  config.attention_scaled = false;
  EXPECT_EQ(count_parameters(config).attention, 160 + 2 * 2 * 6);
  config.temperature_shape = TemperatureShape::head;
  EXPECT_EQ(count_parameters(config).attention, 160 + 2 * 2);
}

// Q and K with biases 2 (16 + 4) a layer, V 16 in layer 0. alpha, beta, gamma 3 a head of 4, the
// attention's gain 2, g_r and g_s 2, m_r and m_s 4.
TEST(Parameters, OfTheSimplifiedFamilyHaveNoOutputProjectionAndValuesInLayer0Alone) {
  auto config = small();
  apply_family(Family::simplified, config);
  const auto rms = count_parameters(config);
  EXPECT_EQ(rms.embedding, 28 + 24);
  EXPECT_EQ(rms.attention, 2 * 2 * (16 + 4) + 16);
  EXPECT_EQ(rms.ffn, 160);
  EXPECT_EQ(rms.norm, 4 * 4 + 4);
  EXPECT_EQ(rms.other, 12 + 2 + 2 + 4);

  config.qk_form = WeightForm::weight_norm;
  EXPECT_EQ(count_parameters(config).attention, 2 * 2 * (16 + 4 + 4) + 16);
  config.ffn_pruned = 1;
  EXPECT_EQ(count_parameters(config).norm, 3 * 4 + 4);
  EXPECT_EQ(count_parameters(config).other, 12 + 2 + 2 + 2);
  config.parallel_residual = true;
  EXPECT_EQ(count_parameters(config).norm, 2 * 4 + 4);
  EXPECT_EQ(count_parameters(config).other, 12 + 2 + 2 + 1);
  config.norm = NormKind::none;  // a LayerNorm in layer 0 and one before the head
  EXPECT_EQ(count_parameters(config).norm, 2 * 8);
}

TEST(Parameters, OfAnAbsurdSizeAreRefused) {
  auto config = small();
  config.d_model = std::int64_t{1} << 33;
  EXPECT_THAT([&] { count_parameters(config); },
              ThrowsMessage<UsageError>(HasSubstr("64 bits; check model.n_layer, model.d_model")));
}

// 4 d^2 and 8 d^2 fit, 12 d^2 does not.
TEST(Parameters, OfWhichTheSumAloneIsAbsurdAreRefused) {
  auto config = small();
  config.n_layer = 1;
  config.d_model = 1'000'000'000;
  config.d_ffn = 0;
  EXPECT_THAT([&] { count_parameters(config); }, ThrowsMessage<UsageError>(HasSubstr("64 bits")));
  config.ffn_pruned = 1;
  EXPECT_GT(count_parameters(config).total(), 4'000'000'000'000'000'000);
}

}  // namespace
}  // namespace aero::cost
