#include "aero/cost/cost_model.h"

#include "aero/config/notation.h"
#include "aero/core/files.h"

#include "own_model.h"
#include "src/cost/embedded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace aero::cost {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// L = 1, H = 2, d = 4, d_ffn = 16, T = 3, V = 5.
ModelConfig tiny(const std::string& architecture = "SM+R") {
  ModelConfig config{
      .n_layer = 1, .n_head = 2, .d_model = 4, .context = 3, .vocab_size = 5, .final_norm = false};
  apply_architecture(architecture, config);
  return config;
}

PiCost price(const std::string& text, const ModelConfig& config = tiny(),
             const Assumptions& assumptions = {}) {
  return load(text).price(config, whole_context(config), std::nullopt, assumptions);
}

std::vector<std::string> names_of(const PiCost& cost) {
  std::vector<std::string> names;
  for (const auto& priced : cost.operations) names.push_back(priced.operation.name);
  return names;
}

double bytes_of(const PiCost& cost, const std::string& name) {
  double sum = 0;
  for (const auto& [operation, price] : cost.operations) {
    if (operation.name == name) sum += price.bytes;
  }
  return sum;
}

// Q, K, V, O: 4 x 3 4 4; scores and mixture: 2 heads x (3 2 3 + 3 3 2); FFN: 2 x 3 4 16;
// softmax: 2 x 2 heads x 3 3; ReLU: 3 x 3 16; look-up: 3 x 10; head: 3 5 4.
constexpr double tiny_bytes = 192 + 72 + 384 + 36 + 144 + 30 + 60;

TEST(CostModel, SumsTheBytesOfEveryOperation) {
  const PiCost cost = price(own_model);
  EXPECT_DOUBLE_EQ(cost.comm_bytes, tiny_bytes);
  EXPECT_DOUBLE_EQ(bytes_of(cost, "scores"), 36);
  EXPECT_DOUBLE_EQ(bytes_of(cost, "softmax"), 36);
  EXPECT_DOUBLE_EQ(bytes_of(cost, "activation"), 144);
  EXPECT_EQ(cost.cost_model, "own");
  EXPECT_EQ(cost.network, "");
  EXPECT_FALSE(cost.latency_seconds);
}

TEST(CostModel, CountsRoundsOnceForHeadsSideBySide) {
  // 6 products with weights, 2 of activations and the head: 9 x 2; softmax 5, ReLU 3, look-up 1.
  EXPECT_DOUBLE_EQ(price(own_model).rounds.value(), 27);
}

TEST(CostModel, CountsSecondsForEachHead) {
  // 2 products a head x 2 heads, and 48 elements of ReLU, 1 ms each.
  EXPECT_DOUBLE_EQ(price(own_model).compute_seconds.value(), 0.052);
}

TEST(CostModel, CallsANumberFromAnyFormula) {
  auto text = with(own_model, R"("relu": {)",
                   R"("less": {"arguments": ["x"], "number": "3 - x", "source": "s"}, "relu": {)");
  text = with(text, "\"3 * work(n)\"", "\"work(3 * n) * (less(4) + 2)\"");
  text = with(text, "\"n * tick\"", "\"less(1) * n * tick\"");
  EXPECT_DOUBLE_EQ(price(text).comm_bytes, tiny_bytes);
  EXPECT_DOUBLE_EQ(price(text).compute_seconds.value(),
                   price(own_model).compute_seconds.value() + 48e-3);
}

TEST(CostModel, AddsTheNetworkToTheSeconds) {
  const CostModel model = load(own_model);
  const Network line{"line", 1e6, 0.01, "made up"};
  const PiCost cost = model.price(tiny(), whole_context(tiny()), line);
  EXPECT_NEAR(cost.latency_seconds.value(), 0.052 + 8 * 918 / 1e6 + 27 * 0.01, 1e-12);
  EXPECT_EQ(cost.network, "line");
}

TEST(CostModel, PricesAPrefillByItsOneRowOfLogits) {
  const CostModel model = load(own_model);
  const PiCost cost = model.price(tiny(), prefill(tiny()));
  EXPECT_DOUBLE_EQ(cost.comm_bytes, tiny_bytes - 40);
}

TEST(CostModel, GivesCeilingsAllHeadsOfSoftmaxAtOnce) {
  const auto text = with(own_model, "2 * work(rows * columns)", "ceil(rows * columns / 16) * byte");
  EXPECT_DOUBLE_EQ(bytes_of(price(text), "softmax"), 2);  // 18 elements; a head alone has 9
}

TEST(CostModel, LeavesOutWhatFoldsAndSaysSo) {
  const PiCost folded = price(own_model);
  EXPECT_THAT(names_of(folded), Not(Contains("attention_scale")));
  EXPECT_THAT(folded.uncharged,
              ElementsAre(Uncharged{"attention_scale", "folded into the weights beforehand"}));
  const PiCost as_it_is = price(own_model, tiny(), {.fold = false});
  EXPECT_DOUBLE_EQ(as_it_is.comm_bytes, tiny_bytes + 5 * 12);
  EXPECT_THAT(as_it_is.uncharged, IsEmpty());
}

TEST(CostModel, PricesATemperatureByWhoKnowsIt) {
  const ModelConfig warm = tiny("SM(t)+R");
  EXPECT_DOUBLE_EQ(price(own_model, warm).comm_bytes, tiny_bytes + 7 * 12);
  EXPECT_DOUBLE_EQ(price(own_model, warm, {.temperature = Operand::constant}).comm_bytes,
                   tiny_bytes + 5 * 12);
  const auto is_public = with(own_model, R"("server")", R"("public")");
  EXPECT_DOUBLE_EQ(price(is_public, warm).comm_bytes, tiny_bytes + 5 * 12);
  EXPECT_DOUBLE_EQ(price(is_public, warm, {.temperature = Operand::weight}).comm_bytes,
                   tiny_bytes + 7 * 12);
}

TEST(CostModel, ChargesNothingForWhatItsFileSaysAndRepeatsWhy) {
  const auto text = and_keys(R"("uncharged": {"temperature": "it is public knowledge"})");
  const ModelConfig warm = tiny("SM(t)+R");
  const PiCost cost = price(text, warm);
  EXPECT_DOUBLE_EQ(cost.comm_bytes, tiny_bytes);
  EXPECT_THAT(cost.uncharged, Contains(Uncharged{"temperature", "it is public knowledge"}));
  // An assumption about the temperature asks what it would cost.
  EXPECT_DOUBLE_EQ(price(text, warm, {.temperature = Operand::weight}).comm_bytes,
                   tiny_bytes + 7 * 12);
}

TEST(CostModel, JoinsProductsOfOneInput) {
  const auto ceilings = with(with(own_model, "\"work(m * k * n)\", \"rounds\": \"2\"",
                                  "\"ceil(m * n / 16) * byte\", \"rounds\": \"2\""),
                             "\"private\"", "\"joined\": [[\"q\", \"k\", \"v\"]], \"private\"");
  const PiCost cost = price(ceilings);
  EXPECT_THAT(names_of(cost), Contains("q+k+v"));
  EXPECT_DOUBLE_EQ(bytes_of(cost, "q+k+v"), 3);  // 3 x 12 elements; each alone would give 1
  EXPECT_DOUBLE_EQ(cost.rounds.value(), 27 - 2 * 2);
}

TEST(CostModel, MultipliesConstantsByFactors) {
  EXPECT_DOUBLE_EQ(price(own_model, tiny(), {.factors = {{"look_up", 2}}}).comm_bytes,
                   tiny_bytes + 30);
  EXPECT_DOUBLE_EQ(price(own_model, tiny(), {.factors = {{"byte", 1.5}}}).comm_bytes,
                   (tiny_bytes - 30) * 1.5 + 30);
  EXPECT_THAT(usage_error([] {
                price(own_model, tiny(), {.factors = {{"lookup", 2}}});
              }),
              HasSubstr("constants.lookup: no such constant, did you mean \"look_up\"?"));
  EXPECT_THAT(load(own_model).constants(), ElementsAre("byte", "look_up", "tick"));
}

TEST(CostModel, DoesNotKnowTheRoundsOfAPassWhereOneIsMissing) {
  const PiCost cost = price(with(own_model, R"json("bytes": "3 * work(n)", "rounds": "3")json",
                                 R"json("bytes": "3 * work(n)")json"));
  EXPECT_DOUBLE_EQ(cost.comm_bytes, tiny_bytes);
  EXPECT_FALSE(cost.rounds);
  EXPECT_TRUE(cost.compute_seconds);
}

TEST(CostModel, RefusesANetworkWhereSecondsAreMissing) {
  const auto text = with(own_model, R"(, "seconds": "n * tick")", "");
  EXPECT_FALSE(price(text).compute_seconds);
  EXPECT_THAT(usage_error([&] {
                load(text).price(tiny(), whole_context(tiny()), Network{"line", 1, 1, "s"});
              }),
              HasSubstr("own.json: primitives.relu.seconds: missing, so the model gives no latency "
                        "on the network \"line\""));
}

TEST(CostModel, NamesThePrimitiveThatAModelNeeds) {
  EXPECT_THAT(usage_error([] { price(own_model, tiny("SM+LN+R")); }),
              HasSubstr("own.json: primitives.layernorm: missing, and this model's operation "
                        "\"norm1\" needs it"));
}

TEST(CostModel, RefusesACostThatIsNegativeOrNotFinite) {
  const auto of = [](const std::string& formula) {
    const auto text = with(own_model, "\"3 * work(n)\"", "\"" + formula + "\"");
    return usage_error([&] { price(text); });
  };
  EXPECT_THAT(
      of("(40 - n) * byte"),
      HasSubstr("own.json: primitives.relu.bytes: \"(40 - n) * byte\": gives -8 at n = 48"));
  EXPECT_THAT(of("byte / (n - 48)"), HasSubstr("not negative"));
  EXPECT_THAT(of("byte * 1e300 * 1e300"), HasSubstr("finite"));
  EXPECT_THAT(of("byte * log2(n - 50)"), HasSubstr("finite"));
}

TEST(CostModel, AddsTheOperationsOfAnException) {
  const auto text = and_keys(R"("exceptions": [{"when": {"family": "gpt2", "context": 3},
      "add": [{"name": "extra", "primitive": "matmul_weight", "count": "2 * L", "m": "T",
               "k": "d", "n": "V"},
              {"name": "none", "primitive": "relu", "count": "L - 1"}],
      "note": "two more products"}], "notes": ["always"])");
  const PiCost cost = price(text);
  EXPECT_DOUBLE_EQ(cost.comm_bytes, tiny_bytes + 2 * 3 * 4 * 5);
  EXPECT_THAT(cost.notes, ElementsAre("always", "two more products"));
  EXPECT_THAT(names_of(cost), Not(Contains("none")));
  ModelConfig longer = tiny();
  longer.context = 4;
  EXPECT_THAT(price(text, longer).notes, ElementsAre("always"));
}

TEST(CostModel, ReportsTheSetUpSeparately) {
  const auto text =
      and_keys(R"("setup": {"bytes": "100 * look_up", "seconds": "5 * tick", "source": "s"})");
  const PiCost cost = price(text);
  EXPECT_DOUBLE_EQ(cost.comm_bytes, tiny_bytes);
  EXPECT_DOUBLE_EQ(cost.setup_bytes.value(), 1000);
  EXPECT_DOUBLE_EQ(cost.setup_seconds.value(), 0.005);
  EXPECT_FALSE(price(own_model).setup_bytes);
  EXPECT_FALSE(price(own_model).setup_seconds);
}

TEST(CostModel, TakesItsOwnLatencyWithoutANetwork) {
  // T 3, V 5, L 1; 576 multiply-adds of Q, K, V, O and the FFN.
  const auto text = and_keys(R"json("latency": {"source": "s", "note": "a fit",
      "seconds": "tick * (T * V + L) + tick * comm_bytes / byte + gmac * 1e9 * tick"})json");
  const PiCost cost = price(text);
  EXPECT_NEAR(cost.latency_seconds.value(), 0.016 + 0.918 + 0.576, 1e-12);
  EXPECT_THAT(cost.notes, ElementsAre("a fit"));
}

TEST(CostModel, GivesNoLatencyWhereItsOwnIsNegative) {
  const PiCost cost =
      price(and_keys(R"json("latency": {"source": "s", "seconds": "tick * (L - 3)"})json"));
  EXPECT_FALSE(cost.latency_seconds);
  EXPECT_THAT(cost.notes, ElementsAre(HasSubstr("gives -0.002 s")));
}

TEST(CostModel, GivesItsOwnLatencyForWholeContextsAlone) {
  const auto model = CostModel::load("aero_papers");
  const ModelConfig config{.n_layer = 12, .n_head = 12, .d_model = 768, .context = 128};
  EXPECT_TRUE(model.price(config, whole_context(config)).latency_seconds);
  for (const Pass& pass : {prefill(config), one_token(config)}) {
    const PiCost cost = model.price(config, pass);
    EXPECT_FALSE(cost.latency_seconds);
    EXPECT_THAT(cost.notes, Contains(HasSubstr("whole contexts")));
  }
}

TEST(CostModel, ShipsTheFilesAsTheyStandInTheFolder) {
  const std::filesystem::path folder = std::filesystem::path(AERO_SOURCE_DIR) / "configs/cost";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files += entry.path().extension() == ".json" ? 1 : 0;
  }
  EXPECT_EQ(embedded_cost_models().size(), files);
  for (const EmbeddedFile& file : embedded_cost_models()) {
    EXPECT_EQ(file.text, read_file(folder / (std::string(file.name) + ".json"))) << file.name;
  }
}

TEST(CostModel, RefusesANetworkForThePapersFit) {
  const CostModel papers = CostModel::load("aero_papers");
  EXPECT_THAT(
      usage_error([&] { papers.price(tiny(), whole_context(tiny()), load_network("wan")); }),
      HasSubstr("configs/cost/aero_papers.json: primitives.embedding.seconds: missing, so "
                "the model gives no latency on the network \"wan\"; write it, or name no "
                "network to use the model's own latency"));
}

TEST(CostModel, ShipsOnlyFilesThatLoad) {
  EXPECT_THAT(CostModel::names(), Contains("aero_papers"));
  for (const std::string& name : CostModel::names()) {
    EXPECT_EQ(CostModel::load(name).name(), name);
    EXPECT_FALSE(CostModel::load(name).about().private_to.empty());
  }
}

}  // namespace
}  // namespace aero::cost
