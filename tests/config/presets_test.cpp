#include "aero/config/presets.h"

#include "aero/config/checks.h"
#include "aero/config/loader.h"
#include "aero/config/notation.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

ModelConfig preset(const char* name) {
  ModelConfig config;
  apply_preset(name, config);
  return config;
}

TEST(Presets, HoldThePapersGpt2AsTheAuthorsCodeBuildsIt) {
  const ModelConfig config = preset("gpt2-12l");
  EXPECT_EQ(config.n_layer, 12);
  EXPECT_EQ(config.n_head, 12);
  EXPECT_EQ(config.d_model, 768);
  EXPECT_EQ(config.ffn_width(), 3072);
  EXPECT_EQ(config.context, 128);
  EXPECT_EQ(config.position_rows(), 1024);
  EXPECT_EQ(config.vocab_size, 50000);
  EXPECT_EQ(config.activation, ActivationKind::gelu);
  EXPECT_EQ(config.biases, BiasSet::qk);
  EXPECT_TRUE(config.tied_head);
  EXPECT_FALSE(config.residual_scaling);
  EXPECT_EQ(config.init_std, 0.02);
  EXPECT_EQ(config.dropout_embedding, 0.1);
  EXPECT_EQ(config.dropout_attention, 0);
  EXPECT_EQ(config.dropout_residual, 0);

  ModelConfig deeper = preset("gpt2-18l");
  EXPECT_EQ(deeper.n_layer, 18);
  deeper.n_layer = 12;
  EXPECT_EQ(deeper, config);
}

// config.json of openai-community/gpt2.
TEST(Presets, HoldOpenAisGpt2AsHuggingFaceHasIt) {
  const ModelConfig config = preset("gpt2");
  EXPECT_EQ(config.n_layer, 12);
  EXPECT_EQ(config.n_head, 12);
  EXPECT_EQ(config.d_model, 768);
  EXPECT_EQ(config.context, 1024);
  EXPECT_EQ(config.position_rows(), 1024);
  EXPECT_EQ(config.vocab_size, 50257);
  EXPECT_EQ(config.activation, ActivationKind::gelu_tanh);
  EXPECT_EQ(config.norm_eps, 1e-5);
  EXPECT_EQ(config.biases, BiasSet::all);
  EXPECT_TRUE(config.tied_head);
  EXPECT_FALSE(config.parallel_residual);
}

// config.json of EleutherAI/pythia-70m.
TEST(Presets, HoldPythia70mAsHuggingFaceHasIt) {
  const ModelConfig config = preset("pythia-70m");
  EXPECT_EQ(config.family, Family::pythia);
  EXPECT_EQ(config.n_layer, 6);
  EXPECT_EQ(config.n_head, 8);
  EXPECT_EQ(config.d_model, 512);
  EXPECT_EQ(config.ffn_width(), 2048);
  EXPECT_EQ(config.context, 2048);
  EXPECT_EQ(config.vocab_size, 50304);
  EXPECT_EQ(config.rotary_dimensions(), 16);
  EXPECT_EQ(config.rotary_base, 10000);
  EXPECT_EQ(config.activation, ActivationKind::gelu);
  EXPECT_EQ(config.norm_eps, 1e-5);
  EXPECT_TRUE(config.parallel_residual);
  EXPECT_FALSE(config.tied_head);
}

TEST(Presets, AreAllBuildable) {
  for (const std::string& name : preset_names()) {
    RunConfig config;
    apply_preset(name, config.model);
    EXPECT_THAT(find_faults(config), ::testing::IsEmpty()) << name;
    EXPECT_EQ(architecture_name(config.model),
              config.model.family == Family::simplified ? "SM+RMS+R+ScFFN" : "SM+LN+G")
        << name;
  }
}

TEST(Presets, ReplaceTheWholeModel) {
  ModelConfig config{.n_layer = 99, .norm = NormKind::none, .dropout_residual = 0.5};
  apply_preset("gpt2-tiny", config);
  EXPECT_EQ(config, preset("gpt2-tiny"));
}

TEST(Presets, RefuseAnUnknownNameWithTheNearest) {
  EXPECT_THAT([] { preset("gpt2-12"); },
              ThrowsMessage<UsageError>(
                  AllOf(HasSubstr("did you mean \"gpt2-12l\""), HasSubstr("pythia-tiny"))));
}

TEST(Family, BringsItsOwnChoices) {
  ModelConfig config{.positions = 1024};
  apply_family(Family::pythia, config);
  EXPECT_FALSE(config.tied_head);
  EXPECT_TRUE(config.parallel_residual);
  EXPECT_EQ(config.activation, ActivationKind::gelu);
  EXPECT_EQ(config.positions, 0);

  apply_family(Family::gpt2, config);
  EXPECT_TRUE(config.tied_head);
  EXPECT_FALSE(config.parallel_residual);
  EXPECT_EQ(config.activation, ActivationKind::gelu_tanh);
}

TEST(Family, KeepsTheArchitecture) {
  ModelConfig config;
  apply_architecture("SM+R", config);
  apply_family(Family::pythia, config);
  EXPECT_EQ(architecture_name(config), "SM+R");
}

TEST(Family, ChangesNothingWhereItIsTheSame) {
  const ModelConfig before = preset("gpt2-12l");
  ModelConfig after = before;
  apply_family(Family::gpt2, after);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace aero
