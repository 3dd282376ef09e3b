#include "aero/cost/operations.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::cost {
namespace {

using ::testing::ElementsAre;

ModelConfig papers_gpt2(const char* preset, const char* architecture, std::int64_t context) {
  ModelConfig config;
  apply_preset(preset, config);
  apply_architecture(architecture, config);
  config.context = context;
  return config;
}

// The nonlinear operations in the tables of arXiv 2410.13060, and the final norm beside them.
TEST(Operations, OfTheBaselineAreThePapers) {
  EXPECT_THAT(
      nonlinear_operations(papers_gpt2("gpt2-12l", "SM+LN+G", 128)),
      ElementsAre(Operation{"softmax", 144, 128, 128}, Operation{"layernorm", 24, 128, 768},
                  Operation{"final_layernorm", 1, 128, 768}, Operation{"gelu", 12, 128, 3072}));
}

TEST(Operations, OfTheDeeperModelAreThePapers) {
  EXPECT_THAT(
      nonlinear_operations(papers_gpt2("gpt2-18l", "SM+LN+R", 128)),
      ElementsAre(Operation{"softmax", 216, 128, 128}, Operation{"layernorm", 36, 128, 768},
                  Operation{"final_layernorm", 1, 128, 768}, Operation{"relu", 18, 128, 3072}));
}

TEST(Operations, OfASoftmaxOnlyModelAreSoftmaxAndTheFinalNormThatItKeeps) {
  auto config = papers_gpt2("gpt2-12l", "SM", 512);
  EXPECT_THAT(nonlinear_operations(config), ElementsAre(Operation{"softmax", 144, 512, 512},
                                                        Operation{"final_layernorm", 1, 512, 768}));
  config.final_norm = false;
  EXPECT_THAT(nonlinear_operations(config), ElementsAre(Operation{"softmax", 144, 512, 512}));
}

TEST(Operations, NameTheNormAndTheActivationOfTheModel) {
  auto config = papers_gpt2("gpt2-12l", "SM+RMS+LR", 128);
  config.d_ffn = 1000;
  EXPECT_THAT(
      nonlinear_operations(config),
      ElementsAre(Operation{"softmax", 144, 128, 128}, Operation{"rmsnorm", 24, 128, 768},
                  Operation{"final_rmsnorm", 1, 128, 768}, Operation{"leaky_relu", 12, 128, 1000}));
}

TEST(Operations, CallBothFormsOfGeluGelu) {
  auto config = papers_gpt2("gpt2-12l", "SM+G", 128);
  for (const auto kind : {ActivationKind::gelu, ActivationKind::gelu_tanh}) {
    config.activation = kind;
    EXPECT_EQ(nonlinear_operations(config).back(), (Operation{"gelu", 12, 128, 3072}));
  }
}

}  // namespace
}  // namespace aero::cost
