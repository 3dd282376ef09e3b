// Which kind each parameter of AERO's modules has, by its name in a decoder.

#include "aero/model/parameters.h"

#include "tests/model/decoders.h"

#include <gtest/gtest.h>

#include <map>

namespace aero::model {
namespace {

using Kinds = std::map<std::string, ParameterKind>;

/// Of all parameters of these models together.
Kinds kinds_of(const std::vector<ModelConfig>& configs) {
  Kinds kinds;
  for (const auto& config : configs) {
    for (const auto& [name, value, kind] : parameters_of(*Decoder(config))) kinds[name] = kind;
  }
  return kinds;
}

std::vector<ModelConfig> every_form() {
  auto leaky_model = small_pythia();
  leaky_model.activation = ActivationKind::leaky_relu;
  leaky_model.leaky_slope = LeakySlope::model;
  auto parallel = small_simplified();
  parallel.parallel_residual = true;
  std::vector<ModelConfig> configs{small_gpt2(), small_pythia(),       small_simplified(),
                                   parallel,     small_softmax_only(), leaky_model};
  for (const char* name : {"SM(t)+LN+LR", "SM+WNFFN", "SM+ScFuFFN", "SM+LNf+G", "SM+RMS+R"}) {
    configs.push_back(small_with(name));
  }
  auto normalised = small_with("SM+WNFFN");
  normalised.qk_form = normalised.v_form = normalised.o_form = WeightForm::weight_norm;
  configs.push_back(normalised);
  return configs;
}

TEST(ParameterKind, OfEachNameIsWhatTheParameterDoes) {
  using enum ParameterKind;
  const auto kinds = kinds_of(every_form());
  const Kinds expected{
      {"tokens.weight", embedding},
      {"positions.weight", embedding},
      {"blocks.0.norm1.weight", norm},
      {"blocks.0.norm1.bias", norm},
      {"blocks.1.attention.q.weight", matrix},
      {"blocks.1.attention.k.weight", matrix},
      {"blocks.1.attention.v.weight", matrix},
      {"blocks.1.attention.o.weight", branch_output},
      {"blocks.0.attention.q.bias", bias},
      {"blocks.0.attention.k.bias", bias},
      {"blocks.0.attention.v.bias", bias},
      {"blocks.0.attention.o.bias", bias},
      {"blocks.0.norm2.weight", norm},
      {"blocks.0.norm2.bias", norm},
      {"blocks.0.ffn.w_in.weight", matrix},
      {"blocks.0.ffn.w_in.bias", bias},
      {"blocks.0.ffn.w_out.weight", branch_output},
      {"blocks.0.ffn.w_out.bias", bias},
      {"blocks.0.ffn.activation.slope", slope},
      {"activation.slope", slope},
      {"final_norm.weight", norm},
      {"final_norm.bias", norm},
      {"head.weight", matrix},
      {"blocks.0.ffn.w.weight", branch_output},
      {"blocks.0.alpha", scale},
      {"blocks.0.beta", scale},
      {"blocks.0.attention.gamma", scale},
      {"blocks.0.ffn_gain", scale},
      {"blocks.0.ffn.w_in.gain", gain},
      {"blocks.0.attention.temperature", temperature},
      {"thresholds", threshold},
      {"blocks.0.attention.alpha", scale},
      {"blocks.0.attention.value_gain", scale},
      {"blocks.0.attention_gain", scale},
      {"blocks.0.skip_gain", scale},
      {"blocks.0.attention.o.gain", gain},
      {"blocks.0.ffn.w_out.gain", gain},
      {"blocks.0.ffn.w.bias", bias},
  };
  for (const auto& [name, kind] : expected) {
    ASSERT_TRUE(kinds.contains(name)) << name;
    EXPECT_EQ(kinds.at(name), kind) << name;
  }
}

TEST(ParameterKind, IsSaidOfEveryParameterThatAeroHas) {
  for (const auto& [name, kind] : kinds_of(every_form())) {
    EXPECT_NE(kind, ParameterKind::vector) << name;
    const bool is_matrix = name.ends_with(".weight") && name.find("norm") == std::string::npos;
    const bool is_large = kind == ParameterKind::matrix || kind == ParameterKind::branch_output ||
                          kind == ParameterKind::embedding;
    EXPECT_EQ(is_large, is_matrix) << name;
  }
}

}  // namespace
}  // namespace aero::model
