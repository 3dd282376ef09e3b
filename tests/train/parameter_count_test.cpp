// cost::count_parameters() against decoders that are built.

#include "aero/config/enum_names.h"
#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/cost/parameters.h"
#include "aero/model/decoder.h"

#include <gtest/gtest.h>

namespace aero {
namespace {

bool is_scalar(const std::string& name) {
  const auto last = name.substr(name.rfind('.') + 1);
  for (const char* scalar : {"slope", "alpha", "beta", "gamma", "attention_gain", "skip_gain",
                             "ffn_gain", "value_gain", "value_skip", "thresholds"}) {
    if (last == scalar) return true;
  }
  return false;
}

cost::Parameters sizes_of(const model::Decoder& decoder) {
  cost::Parameters sizes;
  for (const auto& item : decoder->named_parameters()) {
    const auto& name = item.key();
    const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
    auto& part = is_scalar(name)    ? sizes.other
                 : has("norm")      ? sizes.norm
                 : has("attention") ? sizes.attention
                 : has("ffn")       ? sizes.ffn
                                    : sizes.embedding;
    part += item.value().numel();
  }
  return sizes;
}

void expect_sizes(const ModelConfig& config) {
  const auto counted = cost::count_parameters(config);
  const auto built = sizes_of(model::Decoder(config));
  EXPECT_EQ(counted.embedding, built.embedding);
  EXPECT_EQ(counted.attention, built.attention);
  EXPECT_EQ(counted.ffn, built.ffn);
  EXPECT_EQ(counted.norm, built.norm);
  EXPECT_EQ(counted.other, built.other);
}

class CountedParameters : public ::testing::TestWithParam<Family> {
 protected:
  ModelConfig config() const {
    ModelConfig config;
    apply_preset("gpt2-tiny", config);
    apply_family(GetParam(), config);
    config.n_layer = 3;
    return config;
  }
};

INSTANTIATE_TEST_SUITE_P(Families, CountedParameters,
                         ::testing::Values(Family::gpt2, Family::pythia, Family::simplified),
                         [](const auto& info) { return enum_name(info.param); });

TEST_P(CountedParameters, AreThoseOfTheDecoderOfEveryArchitecture) {
  for (const auto& name : architecture_names()) {
    SCOPED_TRACE(name);
    auto architecture = config();
    apply_architecture(name, architecture);
    // The simplified block always scales its FFN and has no output to bias.
    const bool simplified = architecture.family == Family::simplified;
    architecture.ffn_scaled = architecture.ffn_scaled || simplified;
    for (const auto biases : {BiasSet::all, BiasSet::none, BiasSet::qk}) {
      if (simplified && biases == BiasSet::all) continue;
      architecture.biases = biases;
      expect_sizes(architecture);
    }
  }
}

TEST_P(CountedParameters, AreThoseOfTheDecoderWithEverySlope) {
  auto leaky = config();
  apply_architecture("SM+LN+LR", leaky);
  for (const auto slope : {LeakySlope::fixed, LeakySlope::layer, LeakySlope::model}) {
    leaky.leaky_slope = slope;
    expect_sizes(leaky);
  }
}

TEST_P(CountedParameters, AreThoseOfTheDecoderWithOtherHeadsNormsAndSizes) {
  const auto with = [&](auto change) {
    auto changed = config();
    change(changed);
    expect_sizes(changed);
  };
  with([](auto& m) { m.tied_head = !m.tied_head; });
  with([](auto& m) { m.norm_bias = false; });
  with([](auto& m) { m.final_norm = false; });
  with([](auto& m) {
    m.norm = NormKind::none;
    m.norm_bias = false;
  });
  with([](auto& m) { m.d_ffn = 50; });
  with([](auto& m) { m.positions = 77; });
  with([](auto& m) { m.parallel_residual = !m.parallel_residual; });
}

TEST_P(CountedParameters, AreThoseOfTheDecoderWithEveryForm) {
  for (const auto form : {WeightForm::weight_norm, WeightForm::spectral_norm}) {
    for (const char* name : {"SM+LN+G", "SM+ScFuFFN", "SM+ScFFN_i[1]"}) {
      SCOPED_TRACE(name);
      auto changed = config();
      apply_architecture(name, changed);
      changed.ffn_scaled = changed.ffn_scaled || GetParam() == Family::simplified;
      changed.ffn_form = form;
      if (GetParam() != Family::simplified) {
        changed.qk_form = changed.v_form = changed.o_form = form;
      }
      expect_sizes(changed);
    }
  }
}

TEST(CountedParametersOfPresets, AreThoseOfTheDecoder) {
  for (const char* name : {"gpt2-tiny", "pythia-tiny", "simplified-tiny", "pythia-70m"}) {
    SCOPED_TRACE(name);
    ModelConfig config;
    apply_preset(name, config);
    expect_sizes(config);
  }
}

}  // namespace
}  // namespace aero
