#include "aero/report/report.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

namespace aero::report {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Names = std::set<std::string>;

/// The papers' GPT-2 with 12 layers.
RunConfig papers_gpt2(const char* architecture) {
  RunConfig config;
  apply_preset("gpt2-12l", config.model);
  apply_architecture(architecture, config.model);
  config.train.batch_size = 128;
  config.train.accumulation = 4;
  return config;
}

Names names_of(const Json& object) {
  Names names;
  for (const auto& item : object.items()) names.insert(item.key());
  return names;
}

/// Whether every number in `json` is an integer.
bool has_integers_alone(const Json& json) {
  if (json.is_structured()) {
    return std::ranges::all_of(json, [](const Json& part) { return has_integers_alone(part); });
  }
  return !json.is_number() || json.is_number_integer();
}

TEST(JsonReport, HasTheNamesOfTheContract) {
  const auto json = Json::parse(to_json(make_report(papers_gpt2("SM+LN+G"))));
  EXPECT_EQ(names_of(json),
            (Names{"model", "parameters", "flops", "operations", "memory", "pi", "pieces",
                   "buffers", "forward", "training", "activation_memory"}));
  EXPECT_EQ(names_of(json["model"]), (Names{"family", "architecture", "n_layer", "n_head",
                                            "d_model", "context", "vocab_size"}));
  EXPECT_EQ(names_of(json["parameters"]),
            (Names{"total", "embedding", "attention", "ffn", "norm", "other"}));
  EXPECT_EQ(names_of(json["flops"]),
            (Names{"paper", "full", "causal", "pointwise", "prefill", "one_token"}));
  EXPECT_EQ(names_of(json["flops"]["paper"]), (Names{"ffn", "attention"}));
  EXPECT_EQ(names_of(json["flops"]["full"]), (Names{"ffn", "attention", "head", "total"}));
  EXPECT_EQ(names_of(json["operations"]),
            (Names{"softmax", "layernorm", "final_layernorm", "gelu"}));
  EXPECT_EQ(names_of(json["memory"]), (Names{"weights", "optimizer", "gradients", "activations"}));
  EXPECT_EQ(json["pi"], Json::array());
  EXPECT_EQ(names_of(json["training"]),
            (Names{"batch_size", "accumulation", "dtype", "tokens_per_step", "flops_per_token",
                   "flops_per_step"}));
  EXPECT_EQ(names_of(json["activation_memory"]),
            (Names{"embedding", "residual", "norm", "attention", "ffn", "weight_copies", "loss"}));
}

// Parameters: the authors' code; 4, 4 and 8 bytes each. FLOPs by hand from T = 128, d = 768, L =
// 12, V = 50,000.
TEST(JsonReport, HoldsThePapersFigures) {
  const auto json = Json::parse(to_json(make_report(papers_gpt2("SM+LN+G"))));
  EXPECT_EQ(json["model"], (Json{{"family", "gpt2"},
                                 {"architecture", "SM+LN+G"},
                                 {"n_layer", 12},
                                 {"n_head", 12},
                                 {"d_model", 768},
                                 {"context", 128},
                                 {"vocab_size", 50'000}}));
  EXPECT_EQ(json["parameters"], (Json{{"total", 124'177'920},
                                      {"embedding", 39'186'432},
                                      {"attention", 28'329'984},
                                      {"ffn", 56'623'104},
                                      {"norm", 38'400},
                                      {"other", 0}}));
  EXPECT_EQ(json["flops"]["paper"], (Json{{"ffn", 14'495'514'624}, {"attention", 7'700'742'144}}));
  EXPECT_EQ(json["flops"]["full"], (Json{{"ffn", 14'495'514'624},
                                         {"attention", 7'851'737'088},
                                         {"head", 9'830'400'000},
                                         {"total", 32'177'651'712}}));
  // Q K^T and A V over 128 x 129 / 2 pairs instead of 128 x 128.
  EXPECT_EQ(json["flops"]["causal"]["attention"],
            7'851'737'088 - 4 * 12 * (128 * 128 - 128 * 129 / 2) * 768);
  // 24 norms of the blocks and the final one, 7 an element.
  EXPECT_EQ(json["flops"]["pointwise"]["norm"], 25 * 7 * 128 * 768);
  EXPECT_EQ(json["flops"]["prefill"]["head"], 9'830'400'000 / 128);
  // One position against 128: 8 d^2 + 4 * 128 d a layer.
  EXPECT_EQ(json["flops"]["one_token"]["attention"], 12 * (8 * 768 * 768 + 4 * 128 * 768));
  EXPECT_EQ(json["operations"], (Json{{"softmax", {144, 128, 128}},
                                      {"layernorm", {24, 128, 768}},
                                      {"final_layernorm", {1, 128, 768}},
                                      {"gelu", {12, 128, 3072}}}));
  EXPECT_EQ(json["memory"]["weights"], 496'711'680);
  EXPECT_EQ(json["memory"]["gradients"], 496'711'680);
  EXPECT_EQ(json["memory"]["optimizer"], 993'423'360);
  EXPECT_EQ(json["training"], (Json{{"batch_size", 128},
                                    {"accumulation", 4},
                                    {"dtype", "float32"},
                                    {"tokens_per_step", 65'536},
                                    {"flops_per_token", 754'163'712},
                                    {"flops_per_step", 49'424'873'029'632}}));
}

// Parameters: the authors' code. The attention's are its baseline's and L H T = 18,432
// temperatures; `other` is alpha, beta and theta.
TEST(JsonReport, HoldsThePapersFiguresAtTheirEnd) {
  const auto json = Json::parse(to_json(make_report(papers_gpt2("EReg(SM(t)+ScFuFFN_i6)"))));
  EXPECT_EQ(json["model"]["architecture"], "EReg(SM(t)+ScFuFFN_i6)");
  EXPECT_EQ(json["parameters"], (Json{{"total", 71'075'484},
                                      {"embedding", 39'186'432},
                                      {"attention", 28'329'984 + 18'432},
                                      {"ffn", 3'538'944},
                                      {"norm", 1'536},
                                      {"other", 12 + 144}}));
  EXPECT_EQ(json["operations"],
            (Json{{"softmax", {144, 128, 128}}, {"final_layernorm", {1, 128, 768}}}));
  EXPECT_EQ(names_of(json["pieces"]),
            (Names{"block", "attention", "ffn", "norm", "entropy_penalty"}));
  EXPECT_EQ(json["buffers"], 0);
}

TEST(JsonReport, CountsTheBuffersOfSpectralNormalisation) {
  const auto json = Json::parse(to_json(make_report(papers_gpt2("SM+SNFFN"))));
  EXPECT_EQ(json["buffers"], 12 * 2 * (768 + 3072));
}

TEST(JsonReport, WritesEveryNumberAsAnInteger) {
  EXPECT_TRUE(has_integers_alone(Json::parse(to_json(make_report(papers_gpt2("SM+LN+G"))))));
}

TEST(JsonReport, KeepsIntegersBeyondWhatADoubleHolds) {
  auto report = make_report(papers_gpt2("SM+LN+G"));
  report.training_flops_per_step = (std::int64_t{1} << 53) + 1;
  EXPECT_THAT(to_json(report), HasSubstr("9007199254740993"));
}

TEST(JsonReport, LeavesOutWhatTheModelLacks) {
  auto config = papers_gpt2("SM");
  config.model.final_norm = false;
  const auto json = Json::parse(to_json(make_report(config)));
  EXPECT_EQ(json["model"]["architecture"], "SM");
  EXPECT_EQ(names_of(json["operations"]), (Names{"softmax"}));
}

TEST(JsonReport, PartsOfTheActivationsMakeTheirSum) {
  const auto json = Json::parse(to_json(make_report(papers_gpt2("SM+LN+G"))));
  std::int64_t sum = 0;
  for (const auto& item : json["activation_memory"].items())
    sum += item.value().get<std::int64_t>();
  EXPECT_EQ(json["memory"]["activations"], sum);
}

TEST(MarkdownReport, ShowsFiguresAsPeopleReadThem) {
  const auto text = to_markdown(make_report(papers_gpt2("SM+LN+G")));
  EXPECT_THAT(text, StartsWith("# SM+LN+G\n"));
  EXPECT_THAT(text, HasSubstr("gpt2, L = 12, H = 12, d = 768, d_ffn = 3,072, T = 128, V = 50,000"));
  EXPECT_THAT(text, HasSubstr("| total     | 124,177,920 | 100.0% |"));
  EXPECT_THAT(text, HasSubstr("| ffn       |  56,623,104 |  45.6% |"));
  EXPECT_THAT(text,
              HasSubstr("| ffn       |  14.50 GFLOPs | 14.50 GFLOPs |        14.50 GFLOPs |"));
  EXPECT_THAT(text,
              HasSubstr("| attention |   7.85 GFLOPs |  7.55 GFLOPs |         7.70 GFLOPs |"));
  EXPECT_THAT(text, HasSubstr("As the papers list them: SM: 144 x R^{128x128}, LN: 24 x "
                              "R^{128x768}"));
  EXPECT_THAT(text, HasSubstr("754.16 MFLOPs a token"));
  EXPECT_THAT(text, HasSubstr("49.42 TFLOPs a step of 65,536 tokens"));
  EXPECT_THAT(text, HasSubstr("| softmax         |   144 |   128 x 128 |"));
  EXPECT_THAT(text, HasSubstr("473.70 MiB |"));
}

TEST(JsonReport, ListsEveryOperationOfAPass) {
  const auto list = Json::parse(to_json(make_report(papers_gpt2("SM+ScFFN"))))["forward"];
  EXPECT_EQ(list.front()["name"], "embedding");
  EXPECT_EQ(list.front()["shape"], (Json{128, 50000, 768}));
  EXPECT_EQ(list.back()["name"], "head");
  std::int64_t ffn = 0;
  std::int64_t mixing = 0;
  for (const auto& o : list) {
    if (o["primitive"] != "matmul") continue;
    const std::vector<std::int64_t> shape = o["shape"];
    const std::int64_t flops = 2 * o["count"].get<std::int64_t>() * shape[0] * shape[1] * shape[2];
    if (o["operand"] == "activation") mixing += flops;
    if (o["name"] == "w_in" || o["name"] == "w_out") ffn += flops;
  }
  // 16 T d^2 and 4 T^2 d a layer.
  EXPECT_EQ(ffn, 12LL * 16 * 128 * 768 * 768);
  EXPECT_EQ(mixing, 12LL * 4 * 128 * 128 * 768);
  const auto alpha = std::ranges::find_if(list, [](const Json& o) { return o["name"] == "alpha"; });
  ASSERT_NE(alpha, list.end());
  EXPECT_EQ((*alpha)["operand"], "weight");
  EXPECT_EQ((*alpha)["folds"], true);
}

TEST(MarkdownReport, ListsEveryOperationOfAPass) {
  const auto text = to_markdown(make_report(papers_gpt2("SM+LN+G")));
  EXPECT_THAT(text,
              HasSubstr("| scores          | matmul    | activation | 144 x [128 x 64 x 128]"));
  EXPECT_THAT(text, HasSubstr("| softmax         | softmax   |            | 144 x [128 x 128]"));
}

TEST(MarkdownReport, SaysHowEachPieceIsMade) {
  auto config = papers_gpt2("EReg(SM(t)+WNScFuFFN_i10)");
  config.model.temperature = TemperatureForm::softplus;
  config.model.temperature_init = 0.5;
  config.model.alpha_init = 2;
  config.model.qk_form = WeightForm::spectral_norm;
  config.model.ereg.lambda = 1e-5;
  config.model.ereg.reduction = EntropyReduction::row_sum;
  EXPECT_THAT(to_markdown(make_report(config)),
              HasSubstr("\ngpt2, L = 12, H = 12, d = 768, T = 128, V = 50,000\n\n"
                        "- block: attention, then FFN\n"
                        "- attention: softmax; a temperature for each head and position, softplus, "
                        "from 0.5; Q and K under spectral_norm\n"
                        "- ffn: one matrix; matrices under weight_norm; scaled, alpha from 2, beta "
                        "from 1; none in layers 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
                        "- norm: none in the blocks; layernorm before the head\n"
                        "- entropy_penalty: lambda 1e-05, gamma 0.2, theta from 0.5, reduction "
                        "row_sum\n"));
}

TEST(MarkdownReport, SaysHowTheSimplifiedBlockIsMade) {
  RunConfig config;
  apply_preset("simplified-tiny", config.model);
  apply_architecture("SM+LR+ScFFN", config.model);
  const auto text = to_markdown(make_report(config));
  EXPECT_THAT(text, HasSubstr("- block: attention, then FFN, without a skip past attention\n"));
  EXPECT_THAT(text, HasSubstr("- attention: alpha softmax + beta I - gamma C, all from 1; values "
                              "are its input, in layer 0 with a matrix; gain from 1\n"));
  EXPECT_THAT(text,
              HasSubstr("- ffn: two matrices, leaky_relu with one slope for each layer, from 0.01; "
                        "m_r from 0.1, m_s from 1\n"));
  EXPECT_THAT(text, HasSubstr("- norm: layernorm in layer 0 alone; layernorm before the head\n"));
}

TEST(MarkdownReport, NamesTheBuffersWhereThereAreSome) {
  EXPECT_THAT(to_markdown(make_report(papers_gpt2("SM+SNFFN"))),
              HasSubstr("Beside them 92,160 numbers of spectral normalisation are saved"));
  EXPECT_THAT(to_markdown(make_report(papers_gpt2("SM+WNFFN"))), Not(HasSubstr("Beside them")));
}

TEST(MarkdownReport, SaysHowACostModelOfPrivateInferenceIsNamed) {
  EXPECT_THAT(to_markdown(make_report(papers_gpt2("SM"))), HasSubstr("--cost NAME"));
}

TEST(MarkdownReport, LeavesOutWhatTheModelLacks) {
  EXPECT_THAT(to_markdown(make_report(papers_gpt2("SM"))), Not(HasSubstr("gelu")));
}

TEST(CsvReport, HoldsEveryFigureWithItsUnit) {
  const auto text = to_csv(make_report(papers_gpt2("SM+LN+G")));
  EXPECT_THAT(text, StartsWith("section,name,value,unit\nmodel,family,gpt2,\n"));
  EXPECT_THAT(text, HasSubstr("\npieces,ffn,\"two matrices, gelu\",\n"));
  EXPECT_THAT(text, HasSubstr("\nparameters,total,124177920,parameters\n"));
  EXPECT_THAT(text, HasSubstr("\nbuffers,total,0,numbers\n"));
  EXPECT_THAT(text, HasSubstr("\nflops,paper.attention,7700742144,FLOPs\n"));
  EXPECT_THAT(text, HasSubstr("\nflops,full.total,32177651712,FLOPs\n"));
  EXPECT_THAT(text, HasSubstr("\noperations,softmax.count,144,\noperations,softmax.rows,128,\n"
                              "operations,softmax.columns,128,\n"));
  EXPECT_THAT(text, HasSubstr("\nmemory,weights,496711680,bytes\n"));
  EXPECT_THAT(text, HasSubstr("\nactivation_memory,loss,"));
  EXPECT_THAT(text, HasSubstr("\ntraining,tokens_per_step,65536,tokens\n"));
}

TEST(Report, IsRefusedForPartsThatItDoesNotKnow) {
  auto config = papers_gpt2("SM+LN+G");
  config.model.own_parts = "own::DytImpl: final_norm";
  EXPECT_THAT([&] { make_report(config); },
              ::testing::ThrowsMessage<UsageError>(HasSubstr("\"own::DytImpl: final_norm\"")));
}

}  // namespace
}  // namespace aero::report
