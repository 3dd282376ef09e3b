#include "aero/model/parameter_kind.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/model/decoders.h"
#include "tests/support/faults.h"

namespace aero::model {
namespace {

using ::testing::HasSubstr;
using testing_support::error_of;

TEST(ParameterKind, OfEachNameIsWhatTheParameterDoes) {
  using enum ParameterKind;
  EXPECT_EQ(parameter_kind("tokens.weight"), embedding);
  EXPECT_EQ(parameter_kind("positions.weight"), embedding);
  EXPECT_EQ(parameter_kind("blocks.0.norm1.weight"), norm);
  EXPECT_EQ(parameter_kind("blocks.0.norm1.bias"), norm);
  EXPECT_EQ(parameter_kind("blocks.11.attention.q.weight"), matrix);
  EXPECT_EQ(parameter_kind("blocks.11.attention.k.weight"), matrix);
  EXPECT_EQ(parameter_kind("blocks.11.attention.v.weight"), matrix);
  EXPECT_EQ(parameter_kind("blocks.11.attention.o.weight"), branch_output);
  EXPECT_EQ(parameter_kind("blocks.0.attention.q.bias"), bias);
  EXPECT_EQ(parameter_kind("blocks.0.attention.k.bias"), bias);
  EXPECT_EQ(parameter_kind("blocks.0.attention.v.bias"), bias);
  EXPECT_EQ(parameter_kind("blocks.0.attention.o.bias"), bias);
  EXPECT_EQ(parameter_kind("blocks.0.norm2.weight"), norm);
  EXPECT_EQ(parameter_kind("blocks.0.norm2.bias"), norm);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.w_in.weight"), matrix);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.w_in.bias"), bias);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.w_out.weight"), branch_output);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.w_out.bias"), bias);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.activation.slope"), slope);
  EXPECT_EQ(parameter_kind("activation.slope"), slope);
  EXPECT_EQ(parameter_kind("final_norm.weight"), norm);
  EXPECT_EQ(parameter_kind("final_norm.bias"), norm);
  EXPECT_EQ(parameter_kind("head.weight"), matrix);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.w.weight"), branch_output);
  EXPECT_EQ(parameter_kind("blocks.0.alpha"), scale);
  EXPECT_EQ(parameter_kind("blocks.0.beta"), scale);
  EXPECT_EQ(parameter_kind("blocks.0.attention.gamma"), scale);
  EXPECT_EQ(parameter_kind("blocks.0.ffn_gain"), scale);
  EXPECT_EQ(parameter_kind("blocks.0.ffn.w_in.gain"), gain);
  EXPECT_EQ(parameter_kind("blocks.0.attention.temperature"), temperature);
  EXPECT_EQ(parameter_kind("thresholds"), threshold);
}

TEST(ParameterKind, IsKnownOfEveryParameterOfADecoder) {
  for (auto config : {small_gpt2(), small_pythia()}) {
    config.activation = ActivationKind::leaky_relu;
    for (const auto slope : {LeakySlope::layer, LeakySlope::model}) {
      config.leaky_slope = slope;
      for (const auto& name : Decoder(config)->named_parameters().keys()) {
        EXPECT_NO_THROW(parameter_kind(name)) << name;
      }
    }
  }
}

TEST(ParameterKind, IsRefusedForANameThatNoDecoderHas) {
  for (const auto* name : {"", "lm_head.weight", "blocks.0.attention.z.weight", "tokens.bias",
                           "blocks.x.norm1.weight", "blocks.0.norm3.weight", "norm", "weight"}) {
    EXPECT_THAT(error_of([=] { parameter_kind(name); }),
                HasSubstr("no parameter named \"" + std::string(name) + "\""));
  }
}

}  // namespace
}  // namespace aero::model
