#include "aero/cost/memory.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

namespace aero::cost {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

RunConfig small_gpt2() {
  RunConfig config;
  config.model = {.n_layer = 2, .n_head = 4, .d_model = 32, .context = 16, .vocab_size = 97};
  config.train.batch_size = 3;
  return config;
}

RunConfig small_pythia() {
  auto config = small_gpt2();
  apply_family(Family::pythia, config.model);
  config.model.rotary_fraction = 0.5;
  return config;
}

RunConfig small_simplified() {
  auto config = small_gpt2();
  apply_family(Family::simplified, config.model);
  return config;
}

RunConfig with(RunConfig config, const std::function<void(ModelConfig&)>& change) {
  change(config.model);
  return config;
}

RunConfig named(RunConfig config, const char* architecture) {
  apply_architecture(architecture, config.model);
  return config;
}

// Bytes that autograd keeps of the embedding, the blocks, the final norm and the entropy penalty in
// PyTorch 2.13 on the CPU: printed by tests/cost/measure_saved_tensors.py.
struct Measured {
  std::string name;
  RunConfig config;
  std::int64_t float32;
  std::int64_t half;
};

std::vector<Measured> measured() {
  const auto gpt2 = small_gpt2();
  const auto pythia = small_pythia();
  const auto simplified = small_simplified();
  const auto no_block_norms = [](ModelConfig& m) { m.norm = NormKind::none; };
  const auto no_norm = [](ModelConfig& m) {
    m.norm = NormKind::none;
    m.final_norm = false;
  };
  const auto rmsnorm = [](ModelConfig& m) { m.norm = NormKind::rmsnorm; };
  const auto relu = [](ModelConfig& m) { m.activation = ActivationKind::relu; };
  const auto leaky_relu = [](ModelConfig& m) { m.activation = ActivationKind::leaky_relu; };
  const auto no_activation = [](ModelConfig& m) { m.activation = ActivationKind::none; };
  const auto qk_biases = [](ModelConfig& m) { m.biases = BiasSet::qk; };
  const auto parallel = [](ModelConfig& m) { m.parallel_residual = true; };
  const auto sequential = [](ModelConfig& m) { m.parallel_residual = false; };
  const auto row_sum = [](ModelConfig& m) { m.ereg.reduction = EntropyReduction::row_sum; };
  const auto drop_embedding = [](ModelConfig& m) { m.dropout_embedding = 0.1; };
  const auto drop_residual = [](ModelConfig& m) { m.dropout_residual = 0.1; };
  const auto drop_attention = [](ModelConfig& m) { m.dropout_attention = 0.1; };
  return {
      {"gpt2", gpt2, 209664, 172800},
      {"gpt2 without block norms", with(gpt2, no_block_norms), 183552, 146688},
      {"gpt2 without any norm", with(gpt2, no_norm), 177024, 140160},
      {"gpt2 rmsnorm", with(gpt2, rmsnorm), 239424, 202560},
      {"gpt2 relu", with(gpt2, relu), 160512, 148224},
      {"gpt2 leaky_relu", with(gpt2, leaky_relu), 209664, 172800},
      {"gpt2 no activation", with(gpt2, no_activation), 160512, 148224},
      {"gpt2 biases qk", with(gpt2, qk_biases), 209664, 172800},
      {"gpt2 dropout embedding", with(gpt2, drop_embedding), 215808, 178944},
      {"gpt2 dropout residual", with(gpt2, drop_residual), 234240, 185088},
      {"gpt2 dropout attention", with(gpt2, drop_attention), 278784, 260352},
      {"pythia", pythia, 197888, 161024},
      {"pythia without block norms", with(pythia, no_block_norms), 171776, 147200},
      {"pythia sequential", with(pythia, sequential), 210176, 173312},
      {"pythia dropout residual", with(pythia, drop_residual), 222464, 173312},
      {"pythia dropout attention", with(pythia, drop_attention), 267008, 248576},
      {"gpt2 ScFFN", named(gpt2, "SM+ScFFN"), 146688, 140544},
      {"gpt2 ScFuFFN", named(gpt2, "SM+ScFuFFN"), 97536, 87296},
      {"gpt2 ScFuFFN_i1", named(gpt2, "SM+ScFuFFN_i1"), 85248, 72960},
      {"gpt2 LN G ScFFN_i1", named(gpt2, "SM+LN+G+ScFFN_i1"), 153984, 125312},
      {"gpt2 ScFFN dropout", with(named(gpt2, "SM+LN+ScFFN"), drop_residual), 197376, 166656},
      {"gpt2 WNFFN", named(gpt2, "SM+WNFFN"), 202496, 124672},
      {"gpt2 SNFFN", named(gpt2, "SM+SNFFN"), 202496, 124672},
      {"gpt2 EReg", named(gpt2, "EReg(SM+LN+G)"), 211200, 174336},
      {"gpt2 EReg row_sum", with(named(gpt2, "EReg(SM+LN+G)"), row_sum), 213120, 176256},
      {"gpt2 quadratic", named(gpt2, "SM+LN+Q"), 209664, 172800},
      {"gpt2 two_quad", named(gpt2, "2Q+LN+G"), 280832, 262400},
      {"gpt2 relu attention", named(gpt2, "RA+LN+G"), 256256, 237824},
      {"pythia ScFFN", named(pythia, "SM+ScFFN"), 147200, 141056},
      {"pythia LN ScFuFFN_i1", named(pythia, "SM+LN+ScFuFFN_i1"), 105344, 86912},
      {"simplified", named(simplified, "SM+ScFFN"), 177792, 177792},
      {"simplified dropout", with(named(simplified, "SM+G+ScFFN"), drop_residual), 251520, 220800},
      {"simplified rms R", named(simplified, "SM+RMS+R+ScFFN"), 227136, 214848},
      {"simplified rms R parallel_i1", with(named(simplified, "SM+RMS+R+ScFFN_i1"), parallel),
       159168, 155072},
  };
}

std::int64_t kept_of_blocks(const RunConfig& config) {
  const auto activations = estimate_memory(config).activations;
  return activations.total() - activations.loss;
}

TEST(Memory, OfActivationsInFloat32IsWhatAutogradKeeps) {
  for (const auto& [name, config, float32, half] : measured()) {
    EXPECT_EQ(kept_of_blocks(config), float32) << name;
  }
}

TEST(Memory, OfActivationsUnderAutocastIsWhatAutogradKeeps) {
  for (auto [name, config, float32, half] : measured()) {
    config.train.dtype = Precision::bfloat16;
    EXPECT_EQ(kept_of_blocks(config), half) << name;
    config.train.dtype = Precision::float16;
    EXPECT_EQ(kept_of_blocks(config), half) << name;
  }
}

// V = 97, d = 32, 48 rows in one block. States 6,144; their gradient 6,144; the head's 12,416;
// logits, which become their gradient, 18,624.
TEST(Memory, OfTheLossInOneBlockIsTheHandsCount) {
  auto config = small_gpt2();
  EXPECT_EQ(estimate_memory(config).activations.loss, 6'144 + 6'144 + 12'416 + 18'624);
  // Gradient and copy of the states 3,072 each, copy of the head 6,208; logits in two bytes 9,312,
  // their product for the head 6,208.
  config.train.dtype = Precision::bfloat16;
  EXPECT_EQ(estimate_memory(config).activations.loss,
            6'144 + 3'072 + 12'416 + 3'072 + 6'208 + 9'312 + 6'208);
  // A float32 log-softmax of 18,624 beside the logits.
  config.train.dtype = Precision::float16;
  EXPECT_EQ(estimate_memory(config).activations.loss,
            6'144 + 3'072 + 12'416 + 3'072 + 6'208 + 9'312 + 18'624);
}

// V = 2^21, d = 64: 32 of the 48 rows a block, 2^26 logits; the head has 2^27 elements.
TEST(Memory, OfTheLossInBlocksIsBoundedByTheBlock) {
  auto config = small_gpt2();
  config.model.d_model = 64;
  config.model.vocab_size = std::int64_t{1} << 21;
  const std::int64_t logits = std::int64_t{1} << 26;
  const std::int64_t head = std::int64_t{1} << 27;
  const std::int64_t states = 48 * 64;
  EXPECT_EQ(estimate_memory(config).activations.loss,
            (4 + 4) * states + 4 * head + 4 * logits + 4 * head);
  config.train.dtype = Precision::bfloat16;
  EXPECT_EQ(estimate_memory(config).activations.loss,
            (4 + 2 + 2) * states + (4 + 2) * head + 2 * logits + (2 + 4) * head);
}

TEST(Memory, OfAParameterIsFourBytesFourTimes) {
  RunConfig config;
  apply_preset("gpt2", config.model);  // 124,439,808 parameters
  for (const auto dtype : {Precision::float32, Precision::bfloat16}) {
    config.train.dtype = dtype;
    const auto memory = estimate_memory(config);
    EXPECT_EQ(memory.weights, 497'759'232);
    EXPECT_EQ(memory.gradients, 497'759'232);
    EXPECT_EQ(memory.optimizer, 995'518'464);
    EXPECT_EQ(memory.total(), 1'991'036'928 + memory.activations.total());
  }
}

// [H, T] float32 in two layers: 4 * 2 * 4 * 16 bytes.
TEST(Memory, OfATemperatureIsItselfWhereItIsMadeFromWhatIsStored) {
  const auto plain = estimate_memory(named(small_gpt2(), "SM")).activations.attention;
  auto config = named(small_gpt2(), "SM(t)");
  for (const auto form : {TemperatureForm::exp, TemperatureForm::softplus}) {
    config.model.temperature = form;
    EXPECT_EQ(estimate_memory(config).activations.attention, plain + 4 * 2 * 4 * 16);
  }
  config.model.temperature = TemperatureForm::raw;
  EXPECT_EQ(estimate_memory(config).activations.attention, plain);
}

TEST(Memory, OfSpectralNormalisationHoldsItsVectorsWithoutGradientOrMoments) {
  const auto plain = estimate_memory(named(small_gpt2(), "SM"));
  const auto spectral = estimate_memory(named(small_gpt2(), "SM+SNFFN"));
  EXPECT_EQ(spectral.weights, plain.weights + 4 * 2 * 2 * (128 + 32));
  EXPECT_EQ(spectral.optimizer, plain.optimizer);
  EXPECT_EQ(spectral.gradients, plain.gradients);
}

TEST(Memory, DoesNotGrowWithTheSquareOfTheContext) {
  auto config = small_gpt2();
  const auto attention = estimate_memory(config).activations.attention;
  config.model.context *= 8;
  EXPECT_EQ(estimate_memory(config).activations.attention, 8 * attention);
}

TEST(Memory, BeyondSixtyFourBitsIsRefused) {
  auto config = small_gpt2();
  config.model.context = 1'000'000;
  config.model.d_ffn = 10'000'000;
  config.train.batch_size = 1'000'000;
  EXPECT_THAT([&] { estimate_memory(config); },
              ThrowsMessage<UsageError>(HasSubstr("train.batch_size")));
}

}  // namespace
}  // namespace aero::cost
