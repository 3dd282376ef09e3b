#include "aero/config/checks.h"

#include "aero/config/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace aero {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> model_faults(const ModelConfig& model) {
  RunConfig config;
  config.model = model;
  return find_faults(config);
}

TEST(Checks, PassTheDefaults) {
  EXPECT_THAT(find_faults(RunConfig()), IsEmpty());
}

TEST(Checks, WantHeadsThatDivideTheWidth) {
  EXPECT_THAT(model_faults({.n_head = 5, .d_model = 32}),
              ElementsAre(AllOf(StartsWith("model.n_head: 5: "), HasSubstr("model.d_model = 32"))));
  EXPECT_THAT(model_faults({.n_head = 32, .d_model = 32}), IsEmpty());
}

TEST(Checks, WantAPositionForEveryToken) {
  EXPECT_THAT(
      model_faults({.context = 128, .positions = 127}),
      ElementsAre(AllOf(StartsWith("model.positions: 127: "), HasSubstr("model.context = 128"))));
  EXPECT_THAT(model_faults({.context = 128, .positions = 128}), IsEmpty());
  EXPECT_THAT(model_faults({.context = 128, .positions = 0}), IsEmpty());
}

TEST(Checks, WantNoActivationInAFusedFfn) {
  EXPECT_THAT(model_faults({.activation = ActivationKind::relu, .ffn_fused = true}),
              ElementsAre(AllOf(StartsWith("model.ffn_fused: true: "), HasSubstr("activation"))));
  EXPECT_THAT(model_faults({.activation = ActivationKind::none, .ffn_fused = true}), IsEmpty());
  EXPECT_THAT(model_faults({.d_ffn = 64, .activation = ActivationKind::none, .ffn_fused = true}),
              ElementsAre(StartsWith("model.d_ffn: 64: ")));
}

TEST(Checks, WantPrunedFfnsThatAreThere) {
  EXPECT_THAT(model_faults({.n_layer = 4, .ffn_pruned = 4}), IsEmpty());
  EXPECT_THAT(model_faults({.n_layer = 4, .ffn_pruned = 5}),
              ElementsAre(AllOf(StartsWith("model.ffn_pruned: 5: "), HasSubstr("n_layer = 4"))));
  EXPECT_THAT(model_faults({.n_layer = 4, .ffn_pruned_layers = {0, 3}}), IsEmpty());
  EXPECT_THAT(model_faults({.n_layer = 4, .ffn_pruned_layers = {0, 4}}),
              ElementsAre(StartsWith("model.ffn_pruned_layers: 4: no such layer")));
  EXPECT_THAT(model_faults({.n_layer = 4, .ffn_pruned = 1, .ffn_pruned_layers = {0}}),
              ElementsAre(HasSubstr("beside model.ffn_pruned = 1")));
}

TEST(Checks, WantATemperatureToDivideBy) {
  EXPECT_THAT(model_faults({.temperature = TemperatureForm::raw, .temperature_init = 0}),
              ElementsAre(StartsWith("model.temperature_init: 0: ")));
  EXPECT_THAT(model_faults({.temperature = TemperatureForm::raw, .temperature_init = -1}),
              IsEmpty());
  EXPECT_THAT(model_faults({.temperature = TemperatureForm::exp, .temperature_init = -1}),
              ElementsAre(HasSubstr("must begin above 0")));
}

TEST(Checks, KeepAttentionDropoutFromTemperatureAndRegularisation) {
  EXPECT_THAT(model_faults({.temperature = TemperatureForm::exp, .dropout_attention = 0.1}),
              ElementsAre(StartsWith("model.dropout.attention: 0.1: ")));
  EXPECT_THAT(model_faults({.ereg = {.enabled = true}, .dropout_attention = 0.1}),
              ElementsAre(StartsWith("model.dropout.attention: 0.1: ")));
}

TEST(Checks, SayWhatTheSubstitutesDoNotGoWith) {
  EXPECT_THAT(model_faults({.attention = AttentionKind::two_quad, .dropout_attention = 0.1}),
              ElementsAre(StartsWith("model.dropout.attention: 0.1: ")));
  EXPECT_THAT(model_faults({.attention = AttentionKind::relu, .ereg = {.enabled = true}}),
              ElementsAre(StartsWith("model.attention: \"relu\": ")));
  EXPECT_THAT(model_faults({.attention = AttentionKind::two_quad, .ereg = {.enabled = true}}),
              IsEmpty());
  EXPECT_THAT(model_faults({.norm_fixed = {.start = 0.5, .end = 0.25}}),
              ElementsAre(StartsWith("model.norm_fixed.start: 0.5: ")));
}

TEST(Checks, SayWhatTheSimplifiedBlockLacks) {
  const ModelConfig simplified{
      .family = Family::simplified, .ffn_scaled = true, .biases = BiasSet::qk};
  EXPECT_THAT(model_faults(simplified), IsEmpty());
  ModelConfig config = simplified;
  config.ffn_scaled = false;
  EXPECT_THAT(model_faults(config), ElementsAre(HasSubstr("write ScFFN or ScFuFFN")));
  config = simplified;
  config.norm = NormKind::layernorm_fixed;
  EXPECT_THAT(model_faults(config), ElementsAre(StartsWith("model.norm: \"layernorm_fixed\": ")));
  config = simplified;
  config.biases = BiasSet::all;
  config.o_form = WeightForm::spectral_norm;
  EXPECT_THAT(model_faults(config), ElementsAre(StartsWith("model.biases: \"all\": "),
                                                StartsWith("model.o_form: \"spectral_norm\": ")));
}

TEST(Checks, WantNoPositionTableBesideRotaryEmbedding) {
  EXPECT_THAT(model_faults({.family = Family::pythia, .positions = 1024}),
              ElementsAre(StartsWith("model.positions: 1024: ")));
}

TEST(Checks, WantAnEvenNumberOfRotaryDimensionsInPythia) {
  const auto pythia = [](double fraction) {
    return ModelConfig{
        .family = Family::pythia, .n_head = 4, .d_model = 32, .rotary_fraction = fraction};
  };
  EXPECT_THAT(model_faults(pythia(0.25)), IsEmpty());
  EXPECT_THAT(model_faults(pythia(1)), IsEmpty());
  EXPECT_THAT(model_faults(pythia(0.2)),  // 1 of 8
              ElementsAre(AllOf(StartsWith("model.rotary_fraction: 0.2: "), HasSubstr("even"))));
  EXPECT_THAT(model_faults(pythia(0.1)), ElementsAre(HasSubstr("turns 0 of the 8")));
  EXPECT_THAT(
      model_faults({.family = Family::gpt2, .n_head = 4, .d_model = 32, .rotary_fraction = 0.2}),
      IsEmpty());
}

TEST(Checks, PassEveryCombinationOfModuleChoices) {
  for (const Family family : {Family::gpt2, Family::pythia}) {
    for (const NormKind norm : {NormKind::layernorm, NormKind::rmsnorm, NormKind::none}) {
      for (const bool tied : {false, true}) {
        for (const bool parallel : {false, true}) {
          for (const bool final_norm : {false, true}) {
            EXPECT_THAT(model_faults({.family = family,
                                      .norm = norm,
                                      .final_norm = final_norm,
                                      .tied_head = tied,
                                      .parallel_residual = parallel}),
                        IsEmpty());
          }
        }
      }
    }
  }
}

TEST(Checks, WantAWarmUpNoLongerThanTheTraining) {
  const auto check = [](const char* duration, const char* warmup) {
    RunConfig config;
    config.train.duration = parse_duration(duration);
    config.schedule.warmup = parse_duration(warmup);
    return find_faults(config);
  };
  EXPECT_THAT(check("100", "100"), IsEmpty());
  EXPECT_THAT(check("100", "101"), ElementsAre(AllOf(StartsWith("schedule.warmup: \"101\": "),
                                                     HasSubstr("train.duration = \"100\""))));
  EXPECT_THAT(check("1e", "1.5e"), ElementsAre(HasSubstr("longer")));
  EXPECT_THAT(check("100", "100%"), IsEmpty());
  EXPECT_THAT(check("1e", "1000000"), IsEmpty());  // unknown without the corpus
  // A step of the defaults has 32 * 128 = 4096 tokens.
  EXPECT_THAT(check("10", "40960t"), IsEmpty());
  EXPECT_THAT(check("10", "45056t"), ElementsAre(HasSubstr("longer")));
}

TEST(Checks, WantALearningRateThatFalls) {
  RunConfig config;
  config.optimizer.lr = 0.25;
  config.schedule.final_lr = 0.5;
  EXPECT_THAT(find_faults(config), ElementsAre(AllOf(StartsWith("schedule.final_lr: 0.5: "),
                                                     HasSubstr("optimizer.lr = 0.25"))));
  config.schedule.name = ScheduleKind::constant;
  EXPECT_THAT(find_faults(config), IsEmpty());
}

TEST(Checks, KnowTheDevices) {
  const auto check = [](const char* device) {
    RunConfig config;
    config.train.device = device;
    return find_faults(config);
  };
  for (const char* device : {"auto", "cpu", "cuda", "cuda:0", "cuda:15"}) {
    EXPECT_THAT(check(device), IsEmpty()) << device;
  }
  for (const char* device : {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda0", "cpu:0"}) {
    EXPECT_THAT(check(device), ElementsAre(HasSubstr("cuda:N"))) << device;
  }
}

TEST(Checks, FindValuesOutOfRangeAllAtOnce) {
  RunConfig config;
  config.model.n_head = 0;
  config.model.dropout_residual = 1;
  config.optimizer.lr = std::numeric_limits<double>::quiet_NaN();
  config.model.leaky_init = std::numeric_limits<double>::infinity();
  config.log.every = {0, DurationUnit::steps};
  EXPECT_THAT(find_faults(config), ElementsAre("model.n_head: 0: must be in [1, 10000]",
                                               "model.leaky_init: inf: must be a finite number",
                                               "model.dropout.residual: 1: must be in [0, 1)",
                                               "optimizer.lr: nan: must be above 0",
                                               "log.every: \"0\": must be above 0"));
}

}  // namespace
}  // namespace aero
