#include "aero/config/notation.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace aero {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Case {
  const char* name;
  NormKind norm;
  ActivationKind activation;
};

const Case cases[] = {
    {"SM+LN+G", NormKind::layernorm, ActivationKind::gelu_tanh},
    {"SM+LN+R", NormKind::layernorm, ActivationKind::relu},
    {"SM+LN+LR", NormKind::layernorm, ActivationKind::leaky_relu},
    {"SM+LN", NormKind::layernorm, ActivationKind::none},
    {"SM+RMS+G", NormKind::rmsnorm, ActivationKind::gelu_tanh},
    {"SM+RMS+R", NormKind::rmsnorm, ActivationKind::relu},
    {"SM+RMS+LR", NormKind::rmsnorm, ActivationKind::leaky_relu},
    {"SM+RMS", NormKind::rmsnorm, ActivationKind::none},
    {"SM+G", NormKind::none, ActivationKind::gelu_tanh},
    {"SM+R", NormKind::none, ActivationKind::relu},
    {"SM+LR", NormKind::none, ActivationKind::leaky_relu},
    {"SM", NormKind::none, ActivationKind::none},
};

TEST(Notation, SetsNormAndActivationAsThePapersName) {
  for (const Case& c : cases) {
    ModelConfig config;
    config.activation = ActivationKind::none;
    if (std::string(c.name) == "SM") config.activation = ActivationKind::relu;
    apply_architecture(c.name, config);
    EXPECT_EQ(config.norm, c.norm) << c.name;
    EXPECT_EQ(config.activation, c.activation) << c.name;
  }
}

TEST(Notation, KnowsTheSubstitutes) {
  ModelConfig config;
  apply_architecture("2Q(h)+LNf+Q", config);
  EXPECT_EQ(config.attention, AttentionKind::two_quad);
  EXPECT_EQ(config.temperature, TemperatureForm::exp);
  EXPECT_EQ(config.temperature_shape, TemperatureShape::head);
  EXPECT_EQ(config.norm, NormKind::layernorm_fixed);
  EXPECT_EQ(config.activation, ActivationKind::quadratic);
  EXPECT_EQ(architecture_name(config), "2Q(h)+LNf+Q");
  apply_architecture("RA+LN+G", config);
  EXPECT_EQ(config.attention, AttentionKind::relu);
  EXPECT_EQ(config.temperature, TemperatureForm::none);
  EXPECT_EQ(architecture_name(config), "RA+LN+G");
  apply_architecture("SM", config);
  EXPECT_EQ(config.attention, AttentionKind::softmax);
}

TEST(Notation, NamesAConfigByItsCanonicalName) {
  for (const Case& c : cases) {
    const ModelConfig config{.norm = c.norm, .activation = c.activation};
    EXPECT_EQ(architecture_name(config), c.name);
  }
}

TEST(Notation, ListsNamesThatNameThemselves) {
  const auto names = architecture_names();
  for (const Case& c : cases) EXPECT_THAT(names, ::testing::Contains(c.name));
  for (const std::string& name : names) {
    ModelConfig config;
    apply_architecture(name, config);
    EXPECT_EQ(architecture_name(config), name);
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  }
}

/// Model choices beyond norm and activation, as a name sets them.
ModelConfig named(const char* name) {
  ModelConfig config;
  apply_architecture(name, config);
  return config;
}

TEST(Notation, ReadsTheFormsOfTheFfn) {
  EXPECT_EQ(named("SM+WNFFN").ffn_form, WeightForm::weight_norm);
  EXPECT_EQ(named("SM+SNFFN").ffn_form, WeightForm::spectral_norm);
  EXPECT_FALSE(named("SM+SNFFN").ffn_scaled);
  const ModelConfig scaled = named("SM+ScFFN");
  EXPECT_TRUE(scaled.ffn_scaled);
  EXPECT_FALSE(scaled.ffn_fused);
  EXPECT_EQ(scaled.norm, NormKind::none);
  EXPECT_EQ(scaled.activation, ActivationKind::none);
  const ModelConfig fused = named("SM+ScFuFFN_i6");
  EXPECT_TRUE(fused.ffn_scaled);
  EXPECT_TRUE(fused.ffn_fused);
  EXPECT_EQ(fused.ffn_pruned, 6);
  EXPECT_FALSE(named("SM+FuFFN").ffn_scaled);
  EXPECT_EQ(named("SM+LN+R+ScFFN").activation, ActivationKind::relu);
  EXPECT_EQ(named("SM+FFN_i12").ffn_pruned, 12);
}

TEST(Notation, ReadsTheLayersWhoseFfnIsPruned) {
  const ModelConfig config = named("SM+ScFuFFN_i[1,3]");
  EXPECT_EQ(config.ffn_pruned, 0);
  EXPECT_EQ(config.ffn_pruned_layers, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(config.ffn_count(), 10);
  EXPECT_TRUE(config.has_ffn(0));
  EXPECT_FALSE(config.has_ffn(1));
  EXPECT_FALSE(config.has_ffn(3));
}

TEST(Notation, PrunesTheDeepestFfns) {
  const ModelConfig config = named("SM+ScFuFFN_i6");
  EXPECT_EQ(config.ffn_count(), 6);
  EXPECT_TRUE(config.has_ffn(5));
  EXPECT_FALSE(config.has_ffn(6));
}

TEST(Notation, ReadsTemperatureAndRegularisation) {
  const ModelConfig both = named("EReg(SM(t)+ScFuFFN_i6)");
  EXPECT_TRUE(both.ereg.enabled);
  EXPECT_EQ(both.temperature, TemperatureForm::exp);
  EXPECT_EQ(named("SM(t)+LN+G").temperature, TemperatureForm::exp);
  EXPECT_FALSE(named("SM(t)+LN+G").ereg.enabled);
  EXPECT_EQ(named("EReg(SM+R)").temperature, TemperatureForm::none);
}

TEST(Notation, KeepsTheFormOfATemperatureAndDropsWhatTheNameLacks) {
  ModelConfig config{.temperature = TemperatureForm::raw};
  apply_architecture("EReg(SM(t)+ScFuFFN_i2)", config);
  EXPECT_EQ(config.temperature, TemperatureForm::raw);
  apply_architecture("SM", config);
  EXPECT_EQ(config.temperature, TemperatureForm::none);
  EXPECT_FALSE(config.ereg.enabled);
  EXPECT_FALSE(config.ffn_scaled);
  EXPECT_FALSE(config.ffn_fused);
  EXPECT_EQ(config.ffn_pruned, 0);
}

TEST(Notation, ChangesNothingThatFitsTheName) {
  const ModelConfig erf{.activation = ActivationKind::gelu};
  const ModelConfig leaky{.activation = ActivationKind::leaky_relu,
                          .leaky_slope = LeakySlope::fixed,
                          .leaky_init = 0.2};
  for (const ModelConfig& config : {erf, leaky}) {
    ModelConfig copy = config;
    apply_architecture(architecture_name(config), copy);
    EXPECT_EQ(copy, config);
  }
}

TEST(Notation, ChoosesTheFamilysGelu) {
  ModelConfig gpt2{.family = Family::gpt2, .activation = ActivationKind::relu};
  ModelConfig pythia{.family = Family::pythia, .activation = ActivationKind::relu};
  apply_architecture("SM+G", gpt2);
  apply_architecture("SM+G", pythia);
  EXPECT_EQ(gpt2.activation, ActivationKind::gelu_tanh);
  EXPECT_EQ(pythia.activation, ActivationKind::gelu);
}

TEST(Notation, LeavesTheFinalNormAlone) {
  ModelConfig with;
  ModelConfig without{.final_norm = false};
  apply_architecture("SM", with);
  apply_architecture("SM", without);
  EXPECT_EQ(with.final_norm_kind(), NormKind::layernorm);
  EXPECT_EQ(without.final_norm_kind(), NormKind::none);
}

auto applying(const char* name) {
  return [name] {
    ModelConfig config;
    apply_architecture(name, config);
  };
}

TEST(Notation, NamesTheUnknownPartAndTheNearest) {
  EXPECT_THAT(applying("SM+LNN+G"),
              ThrowsMessage<UsageError>(AllOf(HasSubstr("\"LNN\""), HasSubstr("\"LN\""))));
  EXPECT_THAT(applying("SM+ln+G"),
              ThrowsMessage<UsageError>(AllOf(HasSubstr("\"ln\""), HasSubstr("\"LN\""))));
  EXPECT_THAT(applying("sm+LN+G"),
              ThrowsMessage<UsageError>(AllOf(HasSubstr("\"sm\""), HasSubstr("\"SM\""))));
}

TEST(Notation, RefusesPartsThatItDoesNotKnowWithAListOfThoseItKnows) {
  for (const char* name :
       {"SM(x)", "SM+ScSNFFN", "SM+FuScFFN", "SM+ScFuFFN_i", "SM+ScFuFFN_i-1", "SM+ScFuFFN_i[]",
        "SM+ScFuFFN_i[1", "SM+ScFuFFN_i6x", "SM+ScFuFFN_i99999999999999999999", "SM+EReg(R)",
        "SM+G_i6", "SM+LN+G+", "", "+", "SM++G", " SM", "SM + G", "SM+(", "SM)+G"}) {
    EXPECT_THAT(applying(name),
                ThrowsMessage<UsageError>(
                    AllOf(HasSubstr("unknown part"), HasSubstr("then LN, RMS, LNf or no norm"))))
        << name;
  }
}

TEST(Notation, SaysTheRightOrder) {
  EXPECT_THAT(applying("SM+G+LN"), ThrowsMessage<UsageError>(HasSubstr("\"SM+LN+G\"")));
  EXPECT_THAT(applying("R+SM"), ThrowsMessage<UsageError>(HasSubstr("\"SM+R\"")));
  EXPECT_THAT(applying("LN+G"), ThrowsMessage<UsageError>(HasSubstr("\"SM+LN+G\"")));
}

TEST(Notation, SaysTheCanonicalForm) {
  EXPECT_THAT(applying("SM+FFN"), ThrowsMessage<UsageError>(HasSubstr("write \"SM\"")));
  EXPECT_THAT(applying("SM+ScFFN+G"), ThrowsMessage<UsageError>(HasSubstr("\"SM+G+ScFFN\"")));
  EXPECT_THAT(applying("SM+ScFuFFN_i06"), ThrowsMessage<UsageError>(HasSubstr("_i6\"")));
  EXPECT_THAT(applying("EReg(SM(t)"), ThrowsMessage<UsageError>(HasSubstr("closes EReg(")));
}

TEST(Notation, TakesNonePrunedAsTheStartOfASweep) {
  for (const auto& [written, canonical] :
       {std::pair{"SM+ScFuFFN_i0", "SM+ScFuFFN"}, std::pair{"SM+R+FFN_i0", "SM+R"},
        std::pair{"EReg(SM(t)+ScFuFFN_i0)", "EReg(SM(t)+ScFuFFN)"}}) {
    ModelConfig config;
    apply_architecture(written, config);
    EXPECT_EQ(architecture_name(config), canonical) << written;
  }
  EXPECT_THAT(applying("SM+ScFuFFN_i00"),
              ThrowsMessage<UsageError>(HasSubstr("write \"SM+ScFuFFN\"")));
}

TEST(Notation, RefusesTwoOfAKind) {
  EXPECT_THAT(applying("SM+ScFFN+WNFFN"), ThrowsMessage<UsageError>(HasSubstr("two forms")));
  EXPECT_THAT(applying("SM+LN+RMS"), ThrowsMessage<UsageError>(HasSubstr("two norms")));
  EXPECT_THAT(applying("SM+G+R"), ThrowsMessage<UsageError>(HasSubstr("two activations")));
  EXPECT_THAT(applying("SM+SM"), ThrowsMessage<UsageError>(HasSubstr("attention twice")));
}

TEST(Notation, LeavesTheConfigAloneWhenItRefuses) {
  ModelConfig config;
  EXPECT_THROW(apply_architecture("SM+R+X", config), UsageError);
  EXPECT_EQ(config, ModelConfig());
}

}  // namespace
}  // namespace aero
