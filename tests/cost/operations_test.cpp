#include "aero/cost/operations.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <fstream>

namespace aero::cost {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

ModelConfig papers_gpt2(const char* preset, const char* architecture, std::int64_t context) {
  ModelConfig config;
  apply_preset(preset, config);
  apply_architecture(architecture, config);
  config.context = context;
  return config;
}

// The nonlinear operations in the tables of arXiv 2410.13060, and the final norm beside them.
TEST(Operations, OfTheBaselineAreThePapers) {
  EXPECT_THAT(nonlinear_operations(papers_gpt2("gpt2-12l", "SM+LN+G", 128)),
              ElementsAre(Operation{Primitive::softmax, false, 144, 128, 128},
                          Operation{Primitive::layernorm, false, 24, 128, 768},
                          Operation{Primitive::layernorm, true, 1, 128, 768},
                          Operation{Primitive::gelu, false, 12, 128, 3072}));
}

TEST(Operations, OfTheDeeperModelAreThePapers) {
  EXPECT_THAT(nonlinear_operations(papers_gpt2("gpt2-18l", "SM+LN+R", 128)),
              ElementsAre(Operation{Primitive::softmax, false, 216, 128, 128},
                          Operation{Primitive::layernorm, false, 36, 128, 768},
                          Operation{Primitive::layernorm, true, 1, 128, 768},
                          Operation{Primitive::relu, false, 18, 128, 3072}));
}

TEST(Operations, OfASoftmaxOnlyModelAreSoftmaxAndTheFinalNormThatItKeeps) {
  auto config = papers_gpt2("gpt2-12l", "SM", 512);
  EXPECT_THAT(nonlinear_operations(config),
              ElementsAre(Operation{Primitive::softmax, false, 144, 512, 512},
                          Operation{Primitive::layernorm, true, 1, 512, 768}));
  config.final_norm = false;
  EXPECT_THAT(nonlinear_operations(config),
              ElementsAre(Operation{Primitive::softmax, false, 144, 512, 512}));
}

TEST(Operations, NameTheNormAndTheActivationOfTheModel) {
  auto config = papers_gpt2("gpt2-12l", "SM+RMS+LR", 128);
  config.d_ffn = 1000;
  EXPECT_THAT(nonlinear_operations(config),
              ElementsAre(Operation{Primitive::softmax, false, 144, 128, 128},
                          Operation{Primitive::rmsnorm, false, 24, 128, 768},
                          Operation{Primitive::rmsnorm, true, 1, 128, 768},
                          Operation{Primitive::leaky_relu, false, 12, 128, 1000}));
}

TEST(Operations, NameTheSubstitutesAndNoFixedNorm) {
  EXPECT_THAT(nonlinear_operations(papers_gpt2("gpt2-12l", "2Q+LN+Q", 128)),
              ElementsAre(Operation{Primitive::softmax_2quad, false, 144, 128, 128},
                          Operation{Primitive::layernorm, false, 24, 128, 768},
                          Operation{Primitive::layernorm, true, 1, 128, 768},
                          Operation{Primitive::quadratic, false, 12, 128, 3072}));
  EXPECT_THAT(nonlinear_operations(papers_gpt2("gpt2-12l", "RA+LNf+G", 128)),
              ElementsAre(Operation{Primitive::relu_attention, false, 144, 128, 128},
                          Operation{Primitive::layernorm, true, 1, 128, 768},
                          Operation{Primitive::gelu, false, 12, 128, 3072}));
}

// Their other norm, the one before the head, is not in the papers' counts.
TEST(Operations, AreThoseOfEveryRowInThePapersTables) {
  std::ifstream file(AERO_SOURCE_DIR "/scripts/aero/results/paper_tables.json");
  const auto tables = nlohmann::json::parse(file).at("tables");
  int rows = 0;
  for (const auto& table : tables) {
    const auto& model = table.at("model");
    for (const auto& row : table.at("rows")) {
      if (!row.contains("operations")) continue;
      SCOPED_TRACE(table.at("title").get<std::string>() + ", " + row.at("name").get<std::string>());
      const auto architecture = row.at("architecture").get<std::string>();
      auto config = papers_gpt2("gpt2-12l", architecture.c_str(), model.at("context"));
      if (row.value("family", "gpt2") == "simplified") {
        apply_family(Family::simplified, config);
        apply_architecture(architecture, config);
      }
      config.n_layer = model.at("n_layer");
      config.final_norm = false;
      std::vector<Operation> expected;
      for (const char* name : {"softmax", "layernorm", "gelu", "relu"}) {
        if (!row.at("operations").contains(name)) continue;
        const auto& numbers = row.at("operations").at(name);
        expected.push_back(
            {primitive_named(name), false, numbers.at(0), numbers.at(1), numbers.at(2)});
      }
      EXPECT_THAT(nonlinear_operations(config), ElementsAreArray(expected));
      ++rows;
    }
  }
  EXPECT_EQ(rows, 35 + 2 * 8);  // those at T = 512 are there for three lengths of training
}

// The other rows of the same tables, as this repository names their operations: a pruned FFN has
// neither norm nor activation.
TEST(Operations, OfThePapersStepsAreSoftmaxAlone) {
  for (const char* name : {"SM+ScFFN", "SM+ScFuFFN", "SM+ScFuFFN_i6", "EReg(SM(t)+ScFuFFN_i6)"}) {
    auto config = papers_gpt2("gpt2-12l", name, 256);
    config.final_norm = false;
    EXPECT_THAT(nonlinear_operations(config),
                ElementsAre(Operation{Primitive::softmax, false, 144, 256, 256}))
        << name;
  }
}

TEST(Operations, OfHeAndHofmannsBlockAreSoftmaxAndOneLayerNorm) {
  for (const char* name : {"SM+ScFFN", "SM+ScFuFFN", "SM+ScFuFFN_i4"}) {
    auto config = papers_gpt2("gpt2-12l", name, 128);
    apply_family(Family::simplified, config);
    apply_architecture(name, config);
    EXPECT_THAT(nonlinear_operations(config),
                ElementsAre(Operation{Primitive::softmax, false, 144, 128, 128},
                            Operation{Primitive::layernorm, false, 1, 128, 768},
                            Operation{Primitive::layernorm, true, 1, 128, 768}))
        << name;
  }
}

TEST(Operations, OfPrunedFfnsAreAbsentWithTheirNorms) {
  for (const char* name : {"SM+LN+G+FFN_i5", "SM+LN+G+FFN_i[0,2,4,6,8]"}) {
    EXPECT_THAT(nonlinear_operations(papers_gpt2("gpt2-12l", name, 128)),
                ElementsAre(Operation{Primitive::softmax, false, 144, 128, 128},
                            Operation{Primitive::layernorm, false, 12 + 7, 128, 768},
                            Operation{Primitive::layernorm, true, 1, 128, 768},
                            Operation{Primitive::gelu, false, 7, 128, 3072}))
        << name;
  }
  EXPECT_THAT(nonlinear_operations(papers_gpt2("gpt2-12l", "SM+LN+G+FFN_i12", 128)),
              ElementsAre(Operation{Primitive::softmax, false, 144, 128, 128},
                          Operation{Primitive::layernorm, false, 12, 128, 768},
                          Operation{Primitive::layernorm, true, 1, 128, 768}));
}

TEST(Operations, OfASimplifiedBlockAreTwoNormsOrOneThatItsBranchesShare) {
  ModelConfig config;
  apply_preset("simplified-tiny", config);  // L = 2, H = 4, d = 32, T = 32
  apply_architecture("SM+RMS+R+ScFFN_i1", config);
  const Operation softmax{Primitive::softmax, false, 8, 32, 32};
  const Operation last{Primitive::rmsnorm, true, 1, 32, 32};
  const Operation relu{Primitive::relu, false, 1, 32, 128};
  EXPECT_THAT(nonlinear_operations(config),
              ElementsAre(softmax, Operation{Primitive::rmsnorm, false, 3, 32, 32}, last, relu));
  config.parallel_residual = true;
  EXPECT_THAT(nonlinear_operations(config),
              ElementsAre(softmax, Operation{Primitive::rmsnorm, false, 2, 32, 32}, last, relu));
}

TEST(Operations, CallBothFormsOfGeluGelu) {
  auto config = papers_gpt2("gpt2-12l", "SM+G", 128);
  for (const auto kind : {ActivationKind::gelu, ActivationKind::gelu_tanh}) {
    config.activation = kind;
    EXPECT_EQ(nonlinear_operations(config).back(),
              (Operation{Primitive::gelu, false, 12, 128, 3072}));
  }
}

}  // namespace
}  // namespace aero::cost
