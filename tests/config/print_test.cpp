#include "aero/config/checks.h"
#include "aero/config/fields.h"
#include "aero/config/loader.h"
#include "aero/config/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace aero {
namespace {

using Json = nlohmann::json;

TEST(EffectiveConfig, ShowsEveryKeyUnderItsSection) {
  RunConfig config;
  apply_preset("pythia-tiny", config.model);
  config.train.duration = {20e6, DurationUnit::tokens};
  config.run.folder = "runs/\"a\"\n";
  const Json json = Json::parse(to_json(config));
  EXPECT_EQ(json.at("seed"), 1337);
  EXPECT_EQ(json.at("run").at("folder"), "runs/\"a\"\n");
  EXPECT_EQ(json.at("model").at("architecture"), "SM+LN+G");
  EXPECT_EQ(json.at("model").at("family"), "pythia");
  EXPECT_EQ(json.at("model").at("dropout").at("embedding"), 0.0);
  EXPECT_EQ(json.at("train").at("duration"), "20Mt");
  EXPECT_EQ(json.at("optimizer").at("decay").at("matrices"), true);
  EXPECT_FALSE(json.at("model").contains("preset"));
  EXPECT_FALSE(json.contains("extends"));
  EXPECT_FALSE(json.contains("$schema"));
}

TEST(EffectiveConfig, PrintsAModelAsTheSectionOfARun) {
  RunConfig config;
  apply_preset("gpt2-12l", config.model);
  EXPECT_EQ(Json::parse(to_json(config.model)), Json::parse(to_json(config)).at("model"));
}

/// Draws values that the language can hold.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution(low, high)(random_);
  }
  double number(double low, double high) {
    return std::uniform_real_distribution(low, high)(random_);
  }

  /// A random value for every field, within its range.
  void fill(std::vector<Section>& sections) {
    for (Section& section : sections) {
      for (Field& field : section.fields) fill(field);
    }
  }

 private:
  void fill(Field& field) {
    const double low = std::max(field.range.low, -1e6);
    const double high = std::min(field.range.high, 1e15);
    if (auto* flag = std::get_if<bool*>(&field.value)) {
      **flag = integer(0, 1) == 1;
    } else if (auto* value = std::get_if<std::int64_t*>(&field.value)) {
      **value = integer(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
    } else if (auto* real = std::get_if<double*>(&field.value)) {
      // Small numbers as often as large ones.
      **real = low + (std::min(high, 1e6) - low) * std::pow(10.0, number(-12, -0.001));
    } else if (auto* text = std::get_if<std::string*>(&field.value)) {
      **text = "tëxt \"" + std::to_string(integer(0, 1000)) + "\" \\ \n // /* ,} \x01";
    } else if (auto* duration = std::get_if<Duration*>(&field.value)) {
      **duration = draw_duration(field.accepts_percent);
    } else if (auto* list = std::get_if<std::vector<std::int64_t>*>(&field.value)) {
      for (std::int64_t i = 0; i < 5; ++i) {
        if (integer(0, 2) == 0) (*list)->push_back(i);
      }
    } else if (auto* choice = std::get_if<EnumRef>(&field.value)) {
      choice->set(static_cast<std::size_t>(
          integer(0, static_cast<std::int64_t>(choice->names->size()) - 1)));
    }
  }

  Duration draw_duration(bool percent) {
    switch (integer(0, percent ? 3 : 2)) {
      case 0:
        return {std::floor(std::pow(10, number(0, 9))), DurationUnit::steps};
      case 1:
        return {std::floor(number(1, 100)) * std::pow(10, integer(0, 12)), DurationUnit::tokens};
      case 2:
        return {std::pow(10, number(-5, 3)), DurationUnit::epochs};
      default:
        return {number(0, 100), DurationUnit::percent};
    }
  }

  std::mt19937_64 random_;
};

/// Undoes the combinations that no model has.
void make_buildable(ModelConfig& model, Dice& dice) {
  model.n_layer = dice.integer(5, 12);
  model.ffn_pruned = model.ffn_pruned_layers.empty() ? dice.integer(0, model.n_layer) : 0;
  if (model.activation != ActivationKind::none) model.ffn_fused = false;
  if (model.ffn_fused) model.d_ffn = 0;
  model.temperature_init = dice.number(1e-3, 2);
  if (model.family == Family::simplified) {
    model.ffn_scaled = true;
    model.qk_form = model.v_form = model.o_form = WeightForm::plain;
    if (model.biases == BiasSet::all) model.biases = BiasSet::qk;
    model.dropout_attention = 0;
    if (model.norm == NormKind::layernorm_fixed) model.norm = NormKind::layernorm;
  }
  if (model.attention == AttentionKind::relu) model.ereg.enabled = false;
  if (model.ereg.enabled || model.temperature != TemperatureForm::none ||
      model.attention != AttentionKind::softmax) {
    model.dropout_attention = 0;
  }
  model.norm_fixed.end = dice.number(model.norm_fixed.start, 1);
}

/// A random config that can be built.
RunConfig draw(std::uint64_t seed) {
  Dice dice(seed);
  RunConfig config;
  std::vector<Section> sections = describe(config);
  dice.fill(sections);
  ModelConfig& model = config.model;
  model.n_head = dice.integer(1, 16);
  model.d_model = model.n_head * 2 * dice.integer(4, 64);
  model.rotary_fraction = 1;
  model.positions = 0;
  if (model.family != Family::pythia && dice.integer(0, 1) == 1)
    model.positions = model.context + 7;
  make_buildable(model, dice);
  config.train.device = "cuda:1";
  // So that the tokens of a run can be counted.
  config.train.accumulation = dice.integer(1, 8);
  config.train.batch_size = dice.integer(1, 64);
  config.schedule.final_lr = config.optimizer.lr / 10;
  config.schedule.warmup = {dice.number(0, 100), DurationUnit::percent};
  return config;
}

TEST(EffectiveConfig, ReadsBackAsTheSameConfig) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const RunConfig config = draw(seed);
    ASSERT_THAT(find_faults(config), ::testing::IsEmpty()) << to_json(config);
    const std::string text = to_json(config);
    const RunConfig again = parse_config(text, "config.json");
    ASSERT_EQ(again, config) << text;
    ASSERT_EQ(to_json(again), text);
    ASSERT_EQ(parse_model_config(to_json(config.model), "model.json"), config.model) << text;
  }
}

TEST(EffectiveConfig, DiffersBetweenDraws) {
  EXPECT_NE(draw(1), draw(2));
  EXPECT_NE(to_json(draw(1)), to_json(draw(2)));
}

// The command line's text of a value and the file's must mean the same.
TEST(EffectiveConfig, ReadsBackThroughTheCommandLine) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RunConfig config = draw(seed);
    std::vector<Override> overrides;
    for (const Section& section : describe(config)) {
      for (const Field& field : section.fields) {
        if (std::holds_alternative<LoaderKey>(field.value) || field.path == "model.preset")
          continue;
        overrides.push_back(field.path + "=" + field.value_text());
      }
    }
    ASSERT_EQ(default_config(overrides), config) << to_json(config);
  }
}

}  // namespace
}  // namespace aero
