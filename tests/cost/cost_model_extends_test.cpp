#include "aero/cost/cost_model.h"

#include "own_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace aero::cost {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

ModelConfig tiny() {
  return {.n_layer = 1,
          .n_head = 1,
          .d_model = 8,
          .context = 4,
          .vocab_size = 10,
          .norm = NormKind::none,
          .final_norm = false,
          .activation = ActivationKind::relu};
}

/// Files beside one another.
class CostModelExtends : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    const auto file = folder_.path() / name;
    std::filesystem::create_directories(file.parent_path());
    testing_support::put(file, text);
    return file.string();
  }

  static double relu_bytes(const CostModel& model) {
    for (const auto& [operation, price] : model.price(tiny(), whole_context(tiny())).operations) {
      if (operation.name == "activation") return price.bytes;
    }
    return -1;
  }

  const testing_support::TemporaryFolder folder_;
};

constexpr double activations = 4 * 32;

TEST_F(CostModelExtends, TakesAConstantAndKeepsTheRest) {
  write("own.json", own_model);
  const auto file = write("mine.json", R"({
    "extends": "own.json", "name": "mine", "source": "tried",
    "constants": {"byte": {"value": 2, "unit": "B", "source": "twice"}}})");
  const auto model = CostModel::load(file);
  EXPECT_EQ(model.name(), "mine");
  EXPECT_EQ(model.about().source, "tried");
  EXPECT_EQ(model.about().field, "Z");
  EXPECT_EQ(relu_bytes(model), 2 * 3 * activations);
  EXPECT_THAT(model.constants(), Contains("tick"));
}

TEST_F(CostModelExtends, TakesAPrimitiveWhole) {
  write("bases/own.json", own_model);
  const auto file = write("mine.json", R"json({
    "extends": "bases/own.json", "name": "mine", "source": "tried",
    "primitives": {"relu": {"arguments": ["n"], "bytes": "9 * work(n)", "source": "s"}}})json");
  const auto model = CostModel::load(file);
  EXPECT_EQ(relu_bytes(model), 9 * activations);
  // Its rounds and seconds are unknown, whatever those of the base are.
  EXPECT_FALSE(model.price(tiny(), whole_context(tiny())).rounds);
}

TEST_F(CostModelExtends, GoesThroughSeveralFiles) {
  write("own.json", own_model);
  write("b/near.json", R"({"extends": "../own.json", "constants": {
    "byte": {"value": 5, "unit": "B", "source": "s"},
    "tick": {"value": 7, "unit": "ms", "source": "s"}}})");
  const auto file = write("mine.json", R"({
    "extends": "./b/near.json", "name": "mine", "source": "s",
    "constants": {"byte": {"value": 11, "unit": "B", "source": "s"}}})");
  const auto model = CostModel::load(file);
  EXPECT_EQ(relu_bytes(model), 11 * 3 * activations);
  EXPECT_NEAR(model.price(tiny(), whole_context(tiny())).compute_seconds.value(),
              7e-3 * (2 + activations), 1e-12);
}

TEST_F(CostModelExtends, TakesABuiltInModelByItsName) {
  const auto file = write("mine.json", R"({
    "extends": "spu_0.9.5_default_shared", "name": "mine", "source": "no comparisons",
    "constants": {"compare": {"value": 0, "unit": "B", "source": "s"},
                  "select": {"value": 1, "unit": "B", "source": "s"}}})");
  EXPECT_EQ(relu_bytes(CostModel::load(file)), activations);
}

TEST_F(CostModelExtends, KeepsWhatAFileSaysOfItselfAlone) {
  write("own.json", with(own_model, "\"made up\",", "\"made up\", \"made_by\": 3,"));
  const auto file = write("mine.json", R"({"extends": "own.json"})");
  EXPECT_THAT(usage_error([&] { CostModel::load(file); }),
              AllOf(HasSubstr("mine.json: name: missing"), HasSubstr("mine.json: source: missing"),
                    Not(HasSubstr("made_by"))));
}

TEST_F(CostModelExtends, ReportsAFaultInTheFileThatHasIt) {
  write("base.json", with(own_model, "\"unit\": \"ms\"", "\"unit\": \"sec\""));
  const auto file = write("mine.json", R"({
    "extends": "base.json", "name": "mine", "source": "s",
    "constants": {"byte": {"value": "2", "unit": "B", "source": "s"}}})");
  EXPECT_THAT(usage_error([&] { CostModel::load(file); }),
              AllOf(HasSubstr("base.json: constants.tick.unit: \"sec\": unknown unit"),
                    HasSubstr("mine.json: constants.byte.value: \"2\": expected a number")));
  write("base.json", with(own_model, "3 * work(n)", "3 * wrok(n)"));
  const auto right = write("mine.json", R"({"extends": "base.json", "name": "mine",
                                            "source": "s"})");
  EXPECT_THAT(usage_error([&] { CostModel::load(right); }),
              HasSubstr("base.json: primitives.relu.bytes: \"3 * wrok(n)\": unknown function"));
}

TEST_F(CostModelExtends, RefusesABaseThatCannotBeRead) {
  const auto reported = [&](const std::string& base) {
    return usage_error(
        [&] { CostModel::load(write("mine.json", R"({"extends": )" + base + "}")); });
  };
  EXPECT_THAT(reported("\"none.json\""),
              HasSubstr("mine.json: extends: \"none.json\": cost model: "));
  EXPECT_THAT(
      reported("\"spu_0.9.6\""),
      HasSubstr("mine.json: extends: \"spu_0.9.6\": cost model \"spu_0.9.6\": unknown name"));
  EXPECT_THAT(reported("\"./mine.json\""), HasSubstr("a file cannot extend itself"));
  EXPECT_THAT(reported("3, \"name\": \"mine\""),
              HasSubstr("mine.json: extends: 3: expected a text"));
  write("base.json", R"({"extends": ["own.json"]})");
  EXPECT_THAT(reported("\"base.json\", \"name\": \"mine\""),
              HasSubstr("base.json: extends: [...]: expected a text, not a list"));
}

TEST_F(CostModelExtends, OffersNoBaseAsAModel) {
  EXPECT_THAT(CostModel::names(), Not(Contains("spu_0.9.5")));
  EXPECT_THAT(CostModel::names(), Contains("spu_0.9.5_fast_shared"));
  EXPECT_THAT(usage_error([] { CostModel::load("spu_0.9.5"); }),
              HasSubstr("configs/cost/spu_0.9.5.json: is a base without name and constants, which "
                        "others extend; name one of: spu_0.9.5_default_colocated, "
                        "spu_0.9.5_default_shared, spu_0.9.5_fast_colocated, "
                        "spu_0.9.5_fast_shared"));
  EXPECT_THAT(usage_error([] { CostModel::load("spu_0.9.4"); }), Not(HasSubstr("spu_0.9.5,")));
  const auto own = write("mine.json", R"({"primitives": {}})");
  EXPECT_THAT(usage_error([&] { CostModel::load(own); }),
              HasSubstr("mine.json: is a base without name and constants, which others extend; "
                        "name a file that extends it"));
}

TEST_F(CostModelExtends, TakesTheCommandThatMadeAFile) {
  load(and_keys(R"("made_by": "scripts/measure_costs.py --weights shared")"));
  EXPECT_THAT(usage_error([] { load(and_keys("\"made_by\": 3")); }),
              HasSubstr("own.json: made_by: 3: expected a text"));
}

/// The numbers that are unknown are null.
TEST(CostModelUnknown, LeavesOutWhatNeedsAnUnknownConstant) {
  const auto unknown =
      with(own_model, "\"value\": 1, \"unit\": \"ms\"", "\"value\": null, \"unit\": \"ms\"");
  const auto model = load(unknown);
  EXPECT_THAT(model.constants(), Not(Contains("tick")));
  const auto cost = model.price(tiny(), whole_context(tiny()));
  EXPECT_FALSE(cost.compute_seconds);
  EXPECT_TRUE(cost.rounds);
  for (const auto& [operation, price] : cost.operations) {
    const bool ticks = operation.name == "activation" || operation.operand == Operand::activation;
    EXPECT_EQ(price.compute_seconds.has_value(), !ticks) << operation.name;
  }
}

TEST(CostModelUnknown, LeavesOutWhatCallsIt) {
  auto text =
      with(own_model, "\"value\": 1, \"unit\": \"ms\"", "\"value\": null, \"unit\": \"ms\"");
  text = with(text, "\"rounds\": \"5\", \"seconds\": \"0\"",
              "\"rounds\": \"5\", \"seconds\": \"relu(rows)\"");
  const auto operations = load(text).price(tiny(), whole_context(tiny())).operations;
  const auto softmax = std::ranges::find_if(
      operations, [](const auto& priced) { return priced.operation.name == "softmax"; });
  ASSERT_NE(softmax, operations.end());
  EXPECT_FALSE(softmax->price.compute_seconds);
}

TEST(CostModelUnknown, IsAFaultInBytes) {
  const auto unknown =
      with(own_model, "\"value\": 1, \"unit\": \"B\"", "\"value\": null, \"unit\": \"B\"");
  EXPECT_THAT(
      usage_error([&] { load(unknown); }),
      HasSubstr("own.json: primitives.work.bytes: \"x * byte\": needs constants.byte, whose "
                "value is null (unknown)"));
  const auto setup = with(and_keys(R"("setup": {"bytes": "other", "source": "s"})"), "\"tick\": {",
                          "\"other\": {\"value\": null, \"unit\": \"B\", \"source\": "
                          "\"s\"}, \"tick\": {");
  EXPECT_THAT(usage_error([&] { load(setup); }),
              HasSubstr("own.json: setup.bytes: \"other\": needs constants.other"));
}

}  // namespace
}  // namespace aero::cost
