#include "aero/config/notation.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(Notation, NamesAConfigByItsCanonicalName) {
  for (const Case& c : cases) {
    const ModelConfig config{.norm = c.norm, .activation = c.activation};
    EXPECT_EQ(architecture_name(config), c.name);
  }
}

TEST(Notation, ListsEveryArchitectureOnce) {
  std::vector<std::string> expected;
  for (const Case& c : cases) expected.emplace_back(c.name);
  EXPECT_THAT(architecture_names(), ::testing::UnorderedElementsAreArray(expected));
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
       {"SM(t)", "SM(t)+G", "EReg(SM(t)+ScFuFFN_i6)", "SM+WNFFN", "SM+SNFFN", "SM+ScFFN",
        "SM+ScFuFFN", "SM+G_i6", "SM+LN+G+", "", "+", "SM++G", " SM", "SM + G", "SM+(", "SM)+G"}) {
    EXPECT_THAT(applying(name), ThrowsMessage<UsageError>(AllOf(HasSubstr("unknown part"),
                                                                HasSubstr("SM, then LN or RMS"))))
        << name;
  }
}

TEST(Notation, SaysTheRightOrder) {
  EXPECT_THAT(applying("SM+G+LN"), ThrowsMessage<UsageError>(HasSubstr("\"SM+LN+G\"")));
  EXPECT_THAT(applying("R+SM"), ThrowsMessage<UsageError>(HasSubstr("\"SM+R\"")));
  EXPECT_THAT(applying("LN+G"), ThrowsMessage<UsageError>(HasSubstr("\"SM+LN+G\"")));
}

TEST(Notation, RefusesTwoOfAKind) {
  EXPECT_THAT(applying("SM+LN+RMS"), ThrowsMessage<UsageError>(HasSubstr("two norms")));
  EXPECT_THAT(applying("SM+G+R"), ThrowsMessage<UsageError>(HasSubstr("two activations")));
  EXPECT_THAT(applying("SM+SM"), ThrowsMessage<UsageError>(HasSubstr("SM twice")));
}

TEST(Notation, LeavesTheConfigAloneWhenItRefuses) {
  ModelConfig config;
  EXPECT_THROW(apply_architecture("SM+R+X", config), UsageError);
  EXPECT_EQ(config, ModelConfig());
}

}  // namespace
}  // namespace aero
