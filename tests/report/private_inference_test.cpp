#include "aero/report/private_inference.h"

#include "aero/config/presets.h"
#include "aero/report/bar_chart.h"
#include "aero/report/comparison.h"
#include "aero/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>

namespace aero::report {
namespace {

using Json = nlohmann::json;
using cost::Operand;
using cost::Primitive;
using ::testing::_;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

cost::PricedOperation priced(const std::string& name, Primitive primitive, Operand operand,
                             std::int64_t layer, double bytes, std::optional<double> rounds) {
  return {{.name = name,
           .primitive = primitive,
           .operand = operand,
           .layer = layer,
           .count = 2,
           .m = 4,
           .k = 1,
           .n = 8,
           .folds = false},
          {.bytes = bytes, .rounds = rounds, .compute_seconds = std::nullopt}};
}

/// Two layers of softmax and a product each, and a head.
PrivateInference example(double scale) {
  cost::PiCost cost;
  cost.cost_model = "by_hand";
  cost.network = "lan";
  cost.comm_bytes = 10e9 * scale;
  cost.setup_bytes = 23'500'000;
  cost.setup_seconds = 4;
  cost.rounds = 12;
  cost.latency_seconds = 492.6 * scale;
  cost.operations = {priced("q", Primitive::matmul, Operand::weight, 0, 1e9 * scale, 2),
                     priced("softmax", Primitive::softmax, Operand::none, 0, 2.5e9 * scale, 2),
                     priced("q", Primitive::matmul, Operand::weight, 1, 1e9 * scale, 2),
                     priced("softmax", Primitive::softmax, Operand::none, 1, 2.5e9 * scale, 2),
                     priced("head", Primitive::head, Operand::weight, -1, 3e9 * scale, 4)};
  cost.uncharged = {{"alpha", "folded into a matrix"}};
  cost.notes = {"every byte was counted by hand"};
  return {.pass = "whole context", .cost = cost, .sensitivities = {}};
}

Report report_of(const char* preset_architecture, double scale) {
  RunConfig config;
  apply_preset("gpt2-12l", config.model);
  config.model.norm = std::string(preset_architecture) == "SM" ? NormKind::none : config.model.norm;
  auto report = make_report(config);
  report.architecture = preset_architecture;
  report.pi.push_back(example(scale));
  return report;
}

std::vector<std::pair<std::string, double>> pairs(const std::vector<Share>& shares) {
  std::vector<std::pair<std::string, double>> list;
  for (const Share& share : shares) list.emplace_back(share.name, share.bytes);
  return list;
}

using Pairs = std::vector<std::pair<std::string, double>>;

TEST(PrivateInference, IsBrokenDownByOperationByLayerAndByKind) {
  const auto cost = example(1).cost;
  EXPECT_EQ(pairs(by_operation(cost)), (Pairs{{"q", 2e9}, {"softmax", 5e9}, {"head", 3e9}}));
  EXPECT_EQ(pairs(by_layer(cost)), (Pairs{{"layer 0", 3.5e9}, {"layer 1", 3.5e9}, {"head", 3e9}}));
  EXPECT_EQ(pairs(by_kind(cost)),
            (Pairs{{"embedding and head", 3e9}, {"weight products", 2e9}, {"softmax", 5e9}}));
}

TEST(PrivateInference, IsInJsonByTheContractsNames) {
  const auto json = Json::parse(to_json(report_of("SM+LN+G", 1)))["pi"];
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0]["cost_model"], "by_hand");
  EXPECT_EQ(json[0]["network"], "lan");
  EXPECT_EQ(json[0]["comm_bytes"], 10'000'000'000);
  EXPECT_EQ(json[0]["rounds"], 12);
  EXPECT_EQ(json[0]["latency_s"], 492.6);
  EXPECT_EQ(json[0]["by_operation"],
            (Json{{"q", 2'000'000'000}, {"softmax", 5'000'000'000}, {"head", 3'000'000'000}}));
  EXPECT_EQ(json[0]["compute_s"], Json());
  EXPECT_EQ(json[0]["uncharged"], (Json{{"alpha", "folded into a matrix"}}));
  EXPECT_EQ(json[0]["operations"][4]["layer"], Json());
  EXPECT_EQ(json[0]["operations"][1]["shape"], (Json{4, 1, 8}));
}

TEST(PrivateInference, IsShownToPeopleInUnitsOf1000s) {
  const auto text = to_markdown(report_of("SM+LN+G", 1));
  EXPECT_THAT(text, HasSubstr("## Private inference: by_hand, network lan, whole context"));
  EXPECT_THAT(text, HasSubstr("| communication, both directions |         10.00 GB |"));
  EXPECT_THAT(text, HasSubstr("8.21 min"));
  EXPECT_THAT(text, HasSubstr("- Not charged: alpha, folded into a matrix.\n"));
  EXPECT_THAT(text, HasSubstr("- every byte was counted by hand\n"));
  EXPECT_THAT(text, HasSubstr("| set-up, once a session         |"));
  EXPECT_THAT(text, HasSubstr("23.50 MB, 4.00 s"));
  EXPECT_THAT(text,
              HasSubstr("| softmax   | softmax   | 4 x [4 x 8]     |       5.00 GB | 50.0% |"));
  EXPECT_THAT(text, HasSubstr("| layer 1 |       3.50 GB | 35.0% |"));
}

TEST(PrivateInference, SaysWhatACostModelDoesNotKnow) {
  auto report = report_of("SM+LN+G", 1);
  report.pi[0].cost.rounds.reset();
  report.pi[0].cost.latency_seconds.reset();
  EXPECT_THAT(to_markdown(report), HasSubstr("unknown to this cost model"));
  report.pi[0].cost.setup_bytes.reset();
  const auto json = Json::parse(to_json(report))["pi"][0];
  EXPECT_EQ(json["setup_bytes"], Json());
  EXPECT_EQ(json["rounds"], Json());
  EXPECT_EQ(json["latency_s"], Json());
}

TEST(PrivateInference, IsInCsvUnrounded) {
  const auto text = to_csv(report_of("SM+LN+G", 1));
  EXPECT_THAT(text, HasSubstr("\npi.by_hand,comm,10000000000,bytes\n"));
  EXPECT_THAT(text, HasSubstr("\npi.by_hand,operation.softmax,5000000000,bytes\n"));
  EXPECT_THAT(text, HasSubstr("\npi.by_hand,where.layer 1,3500000000,bytes\n"));
}

TEST(PrivateInference, ReportsHowItWouldChange) {
  auto report = report_of("SM+LN+G", 1);
  report.pi[0].sensitivities = {{"temperatures are public", 9e9, 246.3}};
  const auto text = to_markdown(report);
  EXPECT_THAT(text, HasSubstr("| temperatures are public |       9.00 GB | -10.00% | 4.11 min | "
                              "-50.00% |"));
}

TEST(PrivateInference, ReportsOperationsWithoutAPrice) {
  auto report = report_of("SM+LN+G", 1);
  report.pi[0].sensitivities = {{.assumption = "nothing is folded beforehand",
                                 .unpriced = "mine.json: primitives.multiply_constant: missing"}};
  const auto text = to_markdown(report);
  EXPECT_THAT(text, HasSubstr("| nothing is folded beforehand |       unknown |        |"));
  EXPECT_THAT(text, HasSubstr("\n- No price if nothing is folded beforehand: mine.json: "
                              "primitives.multiply_constant: missing\n"));
  const auto entry = Json::parse(to_json(report))["pi"][0]["sensitivity"][0];
  EXPECT_TRUE(entry["comm_bytes"].is_null());
  EXPECT_EQ(entry["unpriced"], "mine.json: primitives.multiply_constant: missing");
}

TEST(Comparison, HoldsModelsAgainstTheFirst) {
  const std::vector reports{report_of("SM+LN+G", 1), report_of("SM", 0.25)};
  const auto text = comparison_markdown(reports);
  EXPECT_THAT(text, HasSubstr("SM: 144 x R^{128x128}, LN: 24 x R^{128x768}"));
  EXPECT_THAT(text, HasSubstr("2.50 GB"));
  EXPECT_THAT(text, HasSubstr("4.00x"));
  EXPECT_THAT(text, HasSubstr("\n- Charged by by_hand, network lan: whole context.\n"
                              "- Not charged: alpha, folded into a matrix.\n"
                              "- every byte was counted by hand\n"));
  const auto json = Json::parse(comparison_json(reports));
  EXPECT_EQ(json["baseline"], "SM+LN+G");
  EXPECT_EQ(json["models"][0]["comm_factor"], 1.0);
  EXPECT_EQ(json["models"][1]["comm_factor"], 4.0);
  EXPECT_EQ(json["models"][1]["latency_factor"], 4.0);
  EXPECT_EQ(json["models"][1]["report"]["model"]["architecture"], "SM");
  EXPECT_THAT(comparison_csv(reports), HasSubstr(",2500000000,123.15000000000001,4,4\n"));
}

TEST(Comparison, LeavesTheCostsEmptyWithoutACostModel) {
  auto plain = report_of("SM", 1);
  plain.pi.clear();
  EXPECT_EQ(Json::parse(comparison_json({plain}))["models"][0]["comm_factor"], Json());
  EXPECT_THAT(comparison_markdown({plain}), Not(HasSubstr("GB |")));
}

TEST(BarChart, DrawsEachPartToScale) {
  const auto svg = bar_chart(
      "a < b", {{"one", {{"softmax", 3e9}, {"norms", 1e9}}}, {"two", {{"softmax", 2e9}}}});
  EXPECT_THAT(svg, HasSubstr("a &lt; b"));
  // The longest bar, 4 GB, is 560 wide.
  EXPECT_THAT(svg, HasSubstr("width=\"420.00\""));
  EXPECT_THAT(svg, HasSubstr("width=\"140.00\""));
  EXPECT_THAT(svg, HasSubstr("width=\"280.00\""));
  EXPECT_THAT(svg, HasSubstr("<title>norms: 1.00 GB</title>"));
  EXPECT_THAT(svg, HasSubstr(">4.00 GB</text>"));
}

TEST(BarChart, GivesNoColourTwice) {
  Bar bar{"one", {}};
  for (int i = 0; i < 40; ++i) bar.parts.push_back({"part " + std::to_string(i), 1e9});
  const auto svg = bar_chart("many", {bar});
  std::map<std::string, int> uses;
  const std::regex filled("fill=\"([^\"]+)\"><title>");
  for (auto found = std::sregex_iterator(svg.begin(), svg.end(), filled);
       found != std::sregex_iterator(); ++found) {
    ++uses[(*found)[1]];
  }
  EXPECT_EQ(uses.size(), 40);
  EXPECT_THAT(uses, Each(Pair(_, 2)));  // in the bar and in the legend
}

TEST(BarChart, NeedsABar) {
  EXPECT_THROW(bar_chart("nothing", {}), std::invalid_argument);
}

}  // namespace
}  // namespace aero::report
