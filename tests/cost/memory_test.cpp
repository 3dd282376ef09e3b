#include "aero/cost/memory.h"

#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

RunConfig with(RunConfig config, const std::function<void(ModelConfig&)>& change) {
  change(config.model);
  return config;
}

// Bytes that autograd keeps of the embedding, the blocks and the final norm in PyTorch 2.13 on the
// CPU: printed by tests/cost/measure_saved_tensors.py.
struct Measured {
  std::string name;
  RunConfig config;
  std::int64_t float32;
  std::int64_t half;
};

std::vector<Measured> measured() {
  const auto gpt2 = small_gpt2();
  const auto pythia = small_pythia();
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
  const auto sequential = [](ModelConfig& m) { m.parallel_residual = false; };
  const auto drop_embedding = [](ModelConfig& m) { m.dropout_embedding = 0.1; };
  const auto drop_residual = [](ModelConfig& m) { m.dropout_residual = 0.1; };
  const auto drop_attention = [](ModelConfig& m) { m.dropout_attention = 0.1; };
  return {
      {"gpt2", gpt2, 206592, 169728},
      {"gpt2 without block norms", with(gpt2, no_block_norms), 180480, 143616},
      {"gpt2 without any norm", with(gpt2, no_norm), 173952, 137088},
      {"gpt2 rmsnorm", with(gpt2, rmsnorm), 236352, 199488},
      {"gpt2 relu", with(gpt2, relu), 157440, 145152},
      {"gpt2 leaky_relu", with(gpt2, leaky_relu), 206592, 169732},
      {"gpt2 no activation", with(gpt2, no_activation), 157440, 145152},
      {"gpt2 biases qk", with(gpt2, qk_biases), 206592, 169728},
      {"gpt2 dropout embedding", with(gpt2, drop_embedding), 212736, 175872},
      {"gpt2 dropout residual", with(gpt2, drop_residual), 231168, 182016},
      {"gpt2 dropout attention", with(gpt2, drop_attention), 278784, 260352},
      {"pythia", pythia, 207104, 164096},
      {"pythia without block norms", with(pythia, no_block_norms), 180992, 150272},
      {"pythia sequential", with(pythia, sequential), 219392, 176384},
      {"pythia dropout residual", with(pythia, drop_residual), 231680, 176384},
      {"pythia dropout attention", with(pythia, drop_attention), 267008, 248576},
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
