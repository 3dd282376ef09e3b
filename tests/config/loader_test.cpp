#include "aero/config/loader.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace aero {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A folder of config files for one test.
class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "aero-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path folder_;
};

RunConfig parse(const std::string& text, const std::vector<Override>& overrides = {}) {
  return parse_config(text, "run.json", overrides);
}

TEST(Loader, TakesDefaultsWhereNothingIsSaid) {
  EXPECT_EQ(parse("{}"), RunConfig());
  EXPECT_EQ(default_config(), RunConfig());
}

TEST(Loader, ReadsEveryTypeOfValue) {
  const RunConfig config = parse(R"({
    "seed": 7,
    "data": {"path": "a b/c", "format": "nanogpt", "verify": false},
    "train": {"duration": "20Mt", "clip": 0.5, "dtype": "bfloat16", "on_nonfinite": "skip"},
    "optimizer": {"name": "adam", "lr": 6e-4, "weight_decay": 0, "decay": {"biases": true}},
    "schedule": {"name": "cosine", "warmup": 200},
    "eval": {"every": "10%"},
    "model": {"family": "pythia", "leaky_slope": "model", "biases": "qk", "vocab_size": 5e4,
              "dropout": {"residual": 0.1}},
  })");
  EXPECT_EQ(config.seed, 7);
  EXPECT_EQ(config.data, (DataConfig{"a b/c", DataFormat::nanogpt, false}));
  EXPECT_EQ(config.train.duration, (Duration{20e6, DurationUnit::tokens}));
  EXPECT_EQ(config.train.clip, 0.5);
  EXPECT_EQ(config.train.dtype, Precision::bfloat16);
  EXPECT_EQ(config.train.on_nonfinite, OnNonfinite::skip);
  EXPECT_EQ(config.optimizer.name, OptimizerKind::adam);
  EXPECT_EQ(config.optimizer.lr, 6e-4);
  EXPECT_EQ(config.optimizer.weight_decay, 0);
  EXPECT_TRUE(config.optimizer.decay.biases);
  EXPECT_EQ(config.schedule.name, ScheduleKind::cosine);
  EXPECT_EQ(config.schedule.warmup, (Duration{200, DurationUnit::steps}));
  EXPECT_EQ(config.eval.every, (Duration{10, DurationUnit::percent}));
  EXPECT_EQ(config.model.family, Family::pythia);
  EXPECT_EQ(config.model.leaky_slope, LeakySlope::model);
  EXPECT_EQ(config.model.biases, BiasSet::qk);
  EXPECT_EQ(config.model.vocab_size, 50000);
  EXPECT_EQ(config.model.dropout_residual, 0.1);
}

TEST(Loader, LetsTheCommandLineWinOverTheFile) {
  const RunConfig config = parse(R"({"model": {"n_layer": 4, "tied_head": true}, "seed": 1})",
                                 {"model.n_layer=6", "model.tied_head=false", "data.path=x=y",
                                  "train.duration=1.5e", "model.norm=rmsnorm", "model.n_layer=8"});
  EXPECT_EQ(config.model.n_layer, 8);
  EXPECT_FALSE(config.model.tied_head);
  EXPECT_EQ(config.data.path, "x=y");
  EXPECT_EQ(config.train.duration, (Duration{1.5, DurationUnit::epochs}));
  EXPECT_EQ(config.model.norm, NormKind::rmsnorm);
  EXPECT_EQ(config.seed, 1);
}

TEST(Loader, AppliesPresetFamilyArchitectureAndKeysInThisOrderWhereverTheyStand) {
  const RunConfig config = parse(R"({"model": {"d_model": 96, "architecture": "SM+G",
    "family": "pythia", "tied_head": true, "preset": "gpt2-tiny"}})");
  ModelConfig expected;
  apply_preset("gpt2-tiny", expected);
  expected.family = Family::pythia;
  expected.parallel_residual = true;
  expected.activation = ActivationKind::gelu;
  expected.norm = NormKind::none;
  expected.tied_head = true;
  expected.d_model = 96;
  EXPECT_EQ(config.model, expected);
}

TEST(Loader, LetsAKeyOfALaterLayerOverrideTheArchitecture) {
  const std::string file = R"({"model": {"architecture": "SM+LN+R"}})";
  EXPECT_EQ(architecture_name(parse(file, {"model.activation=gelu"}).model), "SM+LN+G");
  EXPECT_EQ(architecture_name(parse(R"({"model": {"norm": "rmsnorm", "activation": "relu"}})",
                                    {"model.architecture=SM"})
                                  .model),
            "SM");
}

TEST(Loader, AcceptsKeysThatFitTheArchitectureOfTheirLayer) {
  const RunConfig config =
      parse(R"({"model": {"architecture": "SM+LN+G", "activation": "gelu", "norm": "layernorm"}})");
  EXPECT_EQ(config.model.activation, ActivationKind::gelu);
  const RunConfig leaky = parse(R"({"model": {"architecture": "SM+LR", "leaky_slope": "fixed"}})");
  EXPECT_EQ(leaky.model.leaky_slope, LeakySlope::fixed);
}

TEST_F(Folder, InheritsFromTheBaseThatAFileNames) {
  write("bases/far.json", R"({"seed": 1, "model": {"n_layer": 2, "n_head": 6}})");
  write("bases/near.json",
        R"({"extends": "far.json", "model": {"n_layer": 3}, "train": {"clip": 2}})");
  const auto file = write("run.json", R"({"extends": "bases/near.json", "train": {"clip": 3}})");
  const RunConfig config = load_config(file, {"train.threads=1"});
  EXPECT_EQ(config.seed, 1);
  EXPECT_EQ(config.model.n_layer, 3);
  EXPECT_EQ(config.model.n_head, 6);
  EXPECT_EQ(config.train.clip, 3);
  EXPECT_EQ(config.train.threads, 1);
}

TEST_F(Folder, LooksForTheBaseOfATextInTheGivenFolder) {
  write("base.json", R"({"seed": 5})");
  EXPECT_EQ(parse_config(R"({"extends": "base.json"})", "text", {}, folder_).seed, 5);
}

TEST_F(Folder, ReportsTheFaultsOfABaseUnderItsOwnName) {
  write("base.json", R"({"sede": 5})");
  const auto file = write("run.json", R"({"extends": "base.json", "lr": 1})");
  EXPECT_THAT(
      [&] { load_config(file); },
      ThrowsMessage<UsageError>((folder_ / "base.json").string() +
                                ": sede: 5: unknown key, did you mean \"seed\"?\n" + file.string() +
                                ": lr: 1: unknown key, did you mean \"optimizer.lr\"?"));
}

TEST_F(Folder, RefusesAChainThatComesBackToItself) {
  write("a.json", R"({"extends": "b.json"})");
  write("b.json", R"({"extends": "./sub/../a.json"})");
  write("self.json", R"({"extends": "self.json"})");
  EXPECT_THAT([&] { load_config(folder_ / "a.json"); },
              ThrowsMessage<UsageError>(
                  HasSubstr("b.json: extends: \"./sub/../a.json\": a file cannot extend itself")));
  EXPECT_THAT([&] { load_config(folder_ / "self.json"); },
              ThrowsMessage<UsageError>(HasSubstr("cannot extend itself")));
}

TEST_F(Folder, RefusesABaseThatIsNotThere) {
  const auto file = write("run.json", R"({"extends": "none.json", "sede": 1})");
  EXPECT_THAT([&] { load_config(file); },
              ThrowsMessage<UsageError>(::testing::AllOf(
                  HasSubstr("run.json: extends: \"none.json\": "),
                  HasSubstr((folder_ / "none.json").string()), HasSubstr("sede"))));
  const auto number = write("number.json", R"({"extends": 3})");
  EXPECT_THAT([&] { load_config(number); },
              ThrowsMessage<UsageError>(HasSubstr("extends: 3: expected a text, not a number")));
}

TEST_F(Folder, RefusesAFileThatIsNotThere) {
  EXPECT_THAT([&] { load_config(folder_ / "none.json"); },
              ThrowsMessage<UsageError>(HasSubstr((folder_ / "none.json").string())));
  EXPECT_THROW(load_config(folder_), UsageError);
}

TEST(Loader, ReadsAModelAlone) {
  ModelConfig expected;
  apply_preset("pythia-tiny", expected);
  expected.dropout_attention = 0.25;
  EXPECT_EQ(parse_model_config(R"({"preset": "pythia-tiny", "dropout": {"attention": 0.25}})", "m"),
            expected);
  EXPECT_THAT([] { parse_model_config(R"({"n_head": 5, "n_layers": 1})", "model.json"); },
              ThrowsMessage<UsageError>(HasSubstr("model.json: model.n_layers: 1: unknown key")));
  EXPECT_THAT([] { parse_model_config(R"({"n_head": 5})", "model.json"); },
              ThrowsMessage<UsageError>(HasSubstr("model.json: model.n_head: 5: does not divide")));
  EXPECT_THAT([] { parse_model_config("", "model.json"); },
              ThrowsMessage<UsageError>(HasSubstr("model.json: the file is empty")));
}

}  // namespace
}  // namespace aero
