#include "aero/config/loader.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result(1);
  for (const char c : text) {
    if (c == '\n') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

/// The faults of a text, a line each; none where it loads.
std::vector<std::string> faults(const std::string& text,
                                const std::vector<Override>& overrides = {}) {
  try {
    parse_config(text, "run.json", overrides);
    return {};
  } catch (const UsageError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return lines(error.what());
  }
}

TEST(Faults, OfAllKindsAreReportedAtOnce) {
  EXPECT_THAT(
      faults(R"({
    "sede": 1,
    "model": {"n_layers": 4, "n_head": "4", "d_ffn": 1.5, "norm": "LayerNorm", "norm_eps": null},
    "train": {"batch_size": 0, "batch_size": 8, "dtype": "float", "duration": "ten"},
    "optimizer": {"beta1": 1},
    "eval": 5
  })",
             {"model.dropout.embedding=2", "train.clip"}),
      UnorderedElementsAre(
          "run.json: sede: 1: unknown key, did you mean \"seed\"?",
          "run.json: model.n_layers: 4: unknown key, did you mean \"n_layer\"?",
          "run.json: model.n_head: \"4\": expected an integer in [1, 10000], not a text",
          "run.json: model.d_ffn: 1.5: expected an integer in [0, 10000000], not a fraction",
          "run.json: model.norm: \"LayerNorm\": unknown name, did you mean \"layernorm\"? "
          "one of: layernorm, rmsnorm, layernorm_fixed, none",
          "run.json: model.norm_eps: null: expected a number above 0, not null",
          "run.json: train.batch_size: 8: this key stands here twice; keep one",
          "run.json: train.batch_size: 0: must be in [1, 1000000]",
          "run.json: train.dtype: \"float\": unknown name, did you mean \"float32\"? one of: "
          "float32, bfloat16, float16",
          HasSubstr("run.json: train.duration: \"ten\": a duration begins with a number"),
          "run.json: optimizer.beta1: 1: must be in [0, 1)",
          "run.json: eval: 5: expected an object, not a number; its keys are every, batches, "
          "batch_size",
          "command line: model.dropout.embedding: 2: must be in [0, 1)",
          "command line: train.clip: no value; write train.clip=VALUE"));
}

TEST(Faults, NameTheNearestKeyOfTheSectionOrElsewhere) {
  const auto first = [](const std::string& text) { return faults(text).at(0); };
  EXPECT_THAT(first(R"({"optimiser": {}})"), HasSubstr("did you mean \"optimizer\"?"));
  EXPECT_THAT(first(R"({"n_layer": 1})"), HasSubstr("did you mean \"model.n_layer\"?"));
  EXPECT_THAT(first(R"({"train": {"warmup": 1}})"), HasSubstr("did you mean \"schedule.warmup\"?"));
  EXPECT_THAT(first(R"({"model": {"dropout": {"Embedding": 1}}})"),
              HasSubstr("did you mean \"embedding\"?"));
  EXPECT_THAT(first(R"({"log": {"zzzzzzzz": 1}})"), HasSubstr("the keys here are every"));
  EXPECT_THAT(first(R"({"model.n_layer": 1})"), HasSubstr("a section is an object"));
  EXPECT_THAT(first(R"({"": {"seed": 1}})"), HasSubstr("unknown key"));
}

TEST(Faults, OfTheCommandLineSayWhatToWrite) {
  const auto first = [](const std::string& text) { return faults("{}", {text}).at(0); };
  EXPECT_EQ(first("model.n_layers=4"),
            "command line: model.n_layers: 4: unknown key, did you mean \"n_layer\"?");
  EXPECT_THAT(first("n_layer=4"), HasSubstr("did you mean \"model.n_layer\"?"));
  EXPECT_THAT(first("model={\"n_layer\": 4}"), HasSubstr("set its keys one by one"));
  EXPECT_THAT(first("extends=base.json"), HasSubstr("belongs in a config file"));
  EXPECT_THAT(first("=4"), HasSubstr("no key"));
  EXPECT_THAT(first(""), HasSubstr("no value"));
  for (const char* text :
       {"model.n_layer=four", "model.n_layer=", "model.n_layer=1.5", "model.n_layer= 4",
        "model.n_layer=99999999999999999999", "optimizer.lr=nan", "optimizer.lr=inf",
        "optimizer.lr=1e999", "model.tied_head=yes", "model.tied_head=1", "model.norm=\"none\"",
        "train.duration=5%", "train.device=gpu", "model.preset=gpt3", "data.path=\xff"}) {
    EXPECT_EQ(faults("{}", {text}).size(), 1U) << text;
  }
}

TEST(Faults, AreFoundInNumbersThatDoNotFit) {
  EXPECT_THAT(faults(R"({"seed": 9223372036854775808})"), ElementsAre(HasSubstr("64 bits")));
  EXPECT_THAT(faults(R"({"seed": -1})"), ElementsAre(HasSubstr("at least 0")));
  EXPECT_THAT(faults(R"({"seed": true})"), ElementsAre(HasSubstr("not true or false")));
  EXPECT_THAT(faults(R"({"model": {"leaky_init": "0.1"}})"), ElementsAre(HasSubstr("a number")));
  EXPECT_THAT(faults(R"({"model": {"rotary_fraction": 0}})"), ElementsAre(HasSubstr("(0, 1]")));
  EXPECT_THAT(faults(R"({"seed": 9223372036854775807})"), ElementsAre());
}

TEST(Faults, AreFoundInIntegersOfWhichADigitWouldBeLost) {
  EXPECT_THAT(faults(R"({"seed": 1e6})"), ElementsAre());
  EXPECT_THAT(faults(R"({"seed": 9007199254740993.0})"), ElementsAre(HasSubstr("64 bits")));
  EXPECT_THAT(faults("{}", {"seed=9007199254740993.0"}), ElementsAre(HasSubstr("64 bits")));
  EXPECT_THAT(faults("{}", {"seed=-1"}), ElementsAre(HasSubstr("at least 0")));
  EXPECT_THAT(faults("{}", {"seed=18446744073709551616"}), ElementsAre(HasSubstr("64 bits")));
  EXPECT_EQ(default_config({"seed=010"}).seed, 10);
}

TEST(Faults, NeverShowHundredsOfDigits) {
  const std::string digits(309, '9');
  for (const std::string key :
       {"seed", "optimizer.lr", "train.duration", "model.ffn_pruned_layers"}) {
    EXPECT_THAT(faults("{}", {key + "=" + digits}), ElementsAre(SizeIs(Lt(300U)))) << key;
  }
  // 309 of them are beyond a double, 300 are not.
  for (const auto& number : {digits, digits.substr(9)}) {
    EXPECT_THAT(faults("{\"seed\": " + number + "}"), ElementsAre(SizeIs(Lt(300U))));
  }
  EXPECT_THAT(faults("{\"seed\": " + digits + digits + "}"), ElementsAre(SizeIs(Lt(300U))));
}

TEST(Faults, AreFoundInProductsThatCannotBeCounted) {
  const std::vector<Override> most{"train.batch_size=1000000", "train.accumulation=1000000",
                                   "model.context=1000000"};
  auto overrides = most;
  overrides.emplace_back("train.duration=9");
  EXPECT_THAT(faults("{}", overrides), ElementsAre());
  overrides.back() = "train.duration=10";
  EXPECT_THAT(faults("{}", overrides),
              ElementsAre(AllOf(HasSubstr("train.duration: \"10\""), HasSubstr("train.batch_size"),
                                HasSubstr("model.context"))));
  EXPECT_THAT(faults("{}", {"eval.batches=1000000000001"}), ElementsAre(HasSubstr("eval.batches")));
}

TEST(Faults, OfAnArchitectureAreThoseOfItsName) {
  EXPECT_THAT(
      faults(R"({"model": {"architecture": "SM+G+LN"}})"),
      ElementsAre("run.json: model.architecture: \"SM+G+LN\": is not in the canonical form; write "
                  "\"SM+LN+G\""));
  EXPECT_THAT(faults(R"({"model": {"architecture": ["SM"]}})"),
              ElementsAre(HasSubstr("expected a name, not a list")));
}

TEST(Faults, AreKeysThatContradictTheArchitectureOfTheirLayer) {
  EXPECT_THAT(
      faults(R"({"model": {"architecture": "SM+R", "activation": "gelu", "norm": "none"}})"),
      ElementsAre("run.json: model.activation: \"gelu\": contradicts model.architecture \"SM+R\"; "
                  "keep one of the two"));
  EXPECT_THAT(
      faults(R"({"model": {"norm": "rmsnorm", "activation": "relu", "architecture": "SM"}})"),
      ElementsAre(HasSubstr("model.norm"), HasSubstr("model.activation")));
  EXPECT_THAT(faults("{}", {"model.architecture=SM", "model.norm=layernorm"}),
              ElementsAre(HasSubstr("command line: model.norm: layernorm: contradicts")));
}

TEST(Faults, OfATextThatIsNoConfig) {
  EXPECT_THAT(faults(""), ElementsAre("run.json: the file is empty; write {} for a config of "
                                      "defaults"));
  EXPECT_THAT(faults(" \n"), ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(faults("[]"), ElementsAre("run.json: []: a config is an object {...}, not a list"));
  EXPECT_THAT(faults("{\n\"seed\" 1}"), ElementsAre(HasSubstr("run.json: line 2, column 8: ")));
  EXPECT_THAT(faults("{\"seed\": NaN}"), ElementsAre(HasSubstr("run.json: line 1, column 10: ")));
}

TEST(Faults, OfATextDoNotHideThoseOfTheCommandLine) {
  EXPECT_THAT(faults("", {"sede=1"}), ElementsAre(HasSubstr("empty"), HasSubstr("sede")));
}

TEST(Faults, DoNotFollowFromOtherFaults) {
  // 12 heads would not divide 100, but another number was meant.
  EXPECT_THAT(faults(R"({"model": {"n_head": "ten", "d_model": 100}})"),
              ElementsAre(HasSubstr("model.n_head")));
  EXPECT_THAT(faults(R"({"model": {"preset": "gpt2-13l", "d_model": 100}})"),
              ElementsAre(HasSubstr("model.preset")));
}

TEST(Faults, OfACombinationNameTheSourceOfTheValue) {
  EXPECT_THAT(
      faults(R"({"model": {"d_model": 100}})"),
      ElementsAre(HasSubstr("run.json: model.n_head: 12: does not divide model.d_model = 100")));
  EXPECT_THAT(faults("{}", {"model.n_head=5"}),
              ElementsAre(HasSubstr("command line: model.n_head: 5: does not divide")));
}

TEST(Faults, StayOneLineEachWhateverTheKeysAndValuesHold) {
  EXPECT_THAT(faults("{\"a\\nb\": \"c\\nd\"}"),
              ElementsAre(HasSubstr(R"(run.json: a\nb: "c\nd": unknown key)")));
  EXPECT_THAT(faults("{\"seed\": \"" + std::string(10'000, 'x') + "\"}").at(0).size(),
              ::testing::Lt(300U));
}

}  // namespace
}  // namespace aero
