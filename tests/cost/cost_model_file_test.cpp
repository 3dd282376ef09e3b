#include "aero/cost/cost_model.h"

#include "own_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace aero::cost {
namespace {

using testing::HasSubstr;

std::string faults(const std::string& text) {
  return usage_error([&] { load(text); });
}

TEST(CostModelFile, ReportsWrongFormulasWithKeyAndText) {
  const auto of = [](const std::string& formula) {
    return faults(with(own_model, "\"3 * work(n)\"", "\"" + formula + "\""));
  };
  EXPECT_THAT(of("3 * n"), HasSubstr("own.json: primitives.relu.bytes: \"3 * n\": gives a plain "
                                     "number; expected bytes"));
  EXPECT_THAT(of("n * byte + tick"),
              HasSubstr("+ adds values of one dimension, not bytes and seconds"));
  EXPECT_THAT(of("n * bite"), HasSubstr("unknown name \"bite\", did you mean \"byte\"?"));
  EXPECT_THAT(of("wrok(n)"), HasSubstr("unknown function \"wrok\", did you mean \"work\"?"));
  EXPECT_THAT(of("work(n, 2)"), HasSubstr("work(x) takes 1 argument, not 2"));
  EXPECT_THAT(of("n * * byte"), HasSubstr("at character 5"));
  EXPECT_THAT(of("relu(n)"), HasSubstr("goes in a circle: relu -> relu"));
}

TEST(CostModelFile, ReportsACircleOfCalls) {
  auto text = with(own_model, "\"3 * work(n)\"", "\"softmax(n, 1)\"");
  text = with(text, "\"2 * work(rows * columns)\"", "\"relu(rows * columns)\"");
  EXPECT_THAT(faults(text), HasSubstr("primitives.relu.bytes: \"softmax(n, 1)\": goes in a circle: "
                                      "relu -> softmax -> relu"));
}

TEST(CostModelFile, ReportsACallOfAPrimitiveWithoutSuchAFormula) {
  const auto text =
      with(own_model, R"json("seconds": "n * tick")json", R"json("seconds": "work(n)")json");
  EXPECT_THAT(faults(text), HasSubstr("primitives.relu.seconds: \"work(n)\": calls work(), which "
                                      "has no seconds; write primitives.work.seconds"));
}

TEST(CostModelFile, ReportsAMisspeltPrimitive) {
  const std::string gelu =
      R"json(, "gellu": {"arguments": ["n"], "bytes": "9 * work(n)", "source": "s"})json";
  const std::string last = R"json("bytes": "x * byte", "source": "s"})json";
  EXPECT_THAT(faults(with(own_model, last, last + gelu)),
              HasSubstr("own.json: primitives.gellu: no operation has this name, and no formula "
                        "calls it, did you mean \"gelu\"? one of: embedding, "));
  // One that is called is a helper, whatever its name.
  const auto called = with(own_model, "\"3 * work(n)\"", "\"gellu(n)\"");
  EXPECT_EQ(faults(with(called, last, last + gelu)), "");
}

TEST(CostModelFile, ReportsHelpersThatNothingCalls) {
  const std::string last = R"json("bytes": "x * byte", "source": "s"})json";
  const std::string helpers =
      R"json(, "ole": {"arguments": ["n"], "bytes": "n * byte", "source": "s"},
    "refill": {"arguments": ["n"], "bytes": "ole(n)", "source": "s"})json";
  const auto model = load(with(own_model, last, last + helpers));
  ModelConfig config;
  config.n_layer = 1;
  config.n_head = 1;
  config.d_model = 8;
  config.context = 4;
  config.vocab_size = 10;
  config.norm = NormKind::none;
  config.final_norm = false;
  config.activation = ActivationKind::relu;
  EXPECT_THAT(model.price(config, whole_context(config)).notes,
              testing::Contains("No operation and no formula uses these primitives: refill."));
}

TEST(CostModelFile, ReportsANumberThatIsAlsoACost) {
  const auto helper = [](const std::string& formulas) {
    return faults(with(own_model, R"("bytes": "x * byte")", formulas));
  };
  EXPECT_THAT(helper(R"("number": "x", "bytes": "x * byte")"),
              HasSubstr("primitives.work.bytes: a primitive gives costs or a number, not both"));
  EXPECT_THAT(helper(R"("number": "x * byte")"),
              HasSubstr("primitives.work.number: \"x * byte\": gives bytes; expected a plain "
                        "number"));
  EXPECT_THAT(helper(R"json("number": "work(x)")json"),
              HasSubstr("primitives.work.number: \"work(x)\": goes in a circle: work -> work"));
  EXPECT_THAT(faults(with(own_model, "\"bytes\": \"3 * work(n)\", ", "\"number\": \"3\", ")),
              HasSubstr("primitives.relu.number: an operation of a model costs bytes"));
}

TEST(CostModelFile, ReportsUnknownMissingAndRepeatedKeys) {
  EXPECT_THAT(faults(and_keys("\"latencies\": {}")),
              HasSubstr("latencies: {}: unknown key, did you mean \"latency\"?"));
  EXPECT_THAT(faults(and_keys("\"field\": \"Z\"")),
              HasSubstr("field: \"Z\": this key stands here twice; keep one"));
  EXPECT_THAT(faults(with(own_model, "\"name\": \"own\"", "\"name\": \"mine\"")),
              HasSubstr("name: \"mine\": the file is called own"));
  EXPECT_THAT(
      faults(with(own_model, "\"unit\": \"B\", \"source\": \"made up\"", "\"unit\": \"B\"")),
      HasSubstr("constants.byte.source: missing"));
  EXPECT_THAT(faults(with(own_model, "\"bytes\": \"3 * work(n)\", ", "")),
              HasSubstr("primitives.relu.bytes: missing"));
  EXPECT_THAT(faults(with(own_model, "tick\",\n             \"source\": \"s\"", "tick\"")),
              HasSubstr("primitives.relu.source: missing"));
  EXPECT_THAT(faults(with(own_model, "{\"temperatures\": \"server\"}", "{}")),
              HasSubstr("private.temperatures: missing"));
  EXPECT_THAT(faults(with(own_model, "\"server\"", "\"client\"")),
              HasSubstr("private.temperatures: \"client\": expected \"server\""));
  EXPECT_THAT(faults(and_keys("\"uncharged\": {\"temprature\": \"x\"}")),
              HasSubstr("uncharged.temprature: \"temprature\": no operation has this name, did you "
                        "mean \"temperature\"?"));
}

TEST(CostModelFile, ReportsInvalidUnitsAndValues) {
  EXPECT_THAT(faults(with(own_model, "\"unit\": \"kB\"", "\"unit\": \"KB\"")),
              HasSubstr("own.json: constants.look_up.unit: \"KB\": unknown unit, did you mean "
                        "\"kB\"?"));
  EXPECT_THAT(faults(with(own_model, "\"unit\": \"ms\"", "\"unit\": \"MB\"")),
              HasSubstr("primitives.relu.seconds: \"n * tick\": gives bytes; expected seconds"));
  EXPECT_THAT(faults(with(own_model, "\"value\": 0.01", "\"value\": \"0.01\"")),
              HasSubstr("constants.look_up.value: \"0.01\": expected a number, not a text"));
  EXPECT_THAT(faults(with(own_model, "\"value\": 0.01", "\"value\": 1e999")),
              HasSubstr("own.json: "));
  EXPECT_THAT(faults(with(own_model, "[\"n\"], \"bytes\": \"3 * work(n)\"",
                          "[\"n\", \"k\"], \"bytes\": \"3 * work(n)\"")),
              HasSubstr("primitives.relu.arguments: [...]: expected a name for each of: n"));
  EXPECT_THAT(faults(with(own_model, "[\"x\"], \"bytes\": \"x * byte\"",
                          "[\"byte\"], \"bytes\": \"byte * 1\"")),
              HasSubstr("primitives.work.arguments: \"byte\": is a constant, too"));
}

TEST(CostModelFile, ReportsFaultsOfAnException) {
  const auto of = [](const std::string& exception) {
    return faults(and_keys("\"exceptions\": [" + exception + "]"));
  };
  EXPECT_THAT(
      of(R"({"when": {"famly": "gpt2"}, "add": [], "note": "n"})"),
      HasSubstr("exceptions[0].when.famly: \"gpt2\": unknown key, did you mean \"family\"?"));
  EXPECT_THAT(of(R"({"when": {"family": "gpt3"}, "add": [], "note": "n"})"),
              HasSubstr("exceptions[0].when.family: \"gpt3\": unknown family"));
  EXPECT_THAT(of(R"({"when": {"context": 3}, "add": [{"name": "v", "primitive": "matmul"}]})"),
              testing::AllOf(HasSubstr("exceptions[0].add[0].primitive: \"matmul\": unknown"),
                             HasSubstr("exceptions[0].note: missing")));
  EXPECT_THAT(
      of(R"({"when": {"context": 3}, "note": "n",
                     "add": [{"name": "v", "primitive": "relu", "n": "T * byte"}]})"),
      HasSubstr("exceptions[0].add[0].n: \"T * byte\": gives bytes; expected a plain number"));
}

TEST(CostModelFile, ReportsAllFaultsAtOnce) {
  const std::string reported =
      faults(R"({"name": "own", "primitives": {"relu": {"arguments": "n"}}})");
  for (const char* key : {"protocol: missing", "field: missing", "security: missing",
                          "source: missing", "private: missing", "constants: missing",
                          "primitives.relu.bytes: missing", "primitives.relu.arguments: \"n\""}) {
    EXPECT_THAT(reported, HasSubstr(key));
  }
}

TEST(CostModelFile, ReportsInvalidJsonAndMissingFiles) {
  EXPECT_THAT(faults("{\"name\": "), HasSubstr("own.json: line 1"));
  EXPECT_THAT(faults("[]"), HasSubstr("own.json: []: a cost model is an object {...}"));
  EXPECT_THAT(usage_error([] { CostModel::load("no/such.json"); }), HasSubstr("no/such.json"));
  EXPECT_THAT(usage_error([] { CostModel::load("aero_paper"); }),
              HasSubstr("cost model \"aero_paper\": unknown name, did you mean \"aero_papers\"?"));
}

}  // namespace
}  // namespace aero::cost
