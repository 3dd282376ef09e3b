// cost::count_parameters() against decoders that are built.

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/cost/parameters.h"
#include "aero/model/decoder.h"

#include <gtest/gtest.h>

namespace aero {
namespace {

cost::Parameters sizes_of(const model::Decoder& decoder) {
  cost::Parameters sizes;
  for (const auto& item : decoder->named_parameters()) {
    const auto& name = item.key();
    const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
    auto& part = has("norm")        ? sizes.norm
                 : has("attention") ? sizes.attention
                 : has("slope")     ? sizes.other
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
                         ::testing::Values(Family::gpt2, Family::pythia), [](const auto& info) {
                           return info.param == Family::gpt2 ? "gpt2" : "pythia";
                         });

TEST_P(CountedParameters, AreThoseOfTheDecoderOfEveryArchitecture) {
  for (const auto& name : architecture_names()) {
    SCOPED_TRACE(name);
    auto architecture = config();
    apply_architecture(name, architecture);
    for (const auto biases : {BiasSet::all, BiasSet::none, BiasSet::qk}) {
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

TEST(CountedParametersOfPresets, AreThoseOfTheDecoder) {
  for (const char* name : {"gpt2-tiny", "pythia-tiny", "pythia-70m"}) {
    SCOPED_TRACE(name);
    ModelConfig config;
    apply_preset(name, config);
    expect_sizes(config);
  }
}

}  // namespace
}  // namespace aero
