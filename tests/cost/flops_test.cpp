#include "aero/cost/flops.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace aero::cost {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A row of the tables in arXiv 2410.13060. "sota" are those after He and Hofmann's block.
struct PaperRow {
  std::string group;
  std::string architecture;
  double ffn;        // GFLOPs, one decimal
  double attention;  // GFLOPs, one decimal
};

struct PaperTable {
  std::string title;
  std::int64_t n_layer;
  std::int64_t context;
  std::vector<PaperRow> rows;
};

const std::vector<PaperTable>& paper_tables() {
  static const std::vector<PaperTable> tables{
      {"GPT-2, 12 layers, T = 128",
       12,
       128,
       {{"baseline", "SM+LN+G", 14.5, 7.7},
        {"baseline", "SM+LN+R", 14.5, 7.7},
        {"sota", "SM+ScFFN", 14.5, 3.9},
        {"sota", "SM+ScFuFFN", 1.8, 3.9},
        {"sota", "SM+ScFuFFN_i4", 1.2, 3.9},
        {"aero", "SM+ScFFN", 14.5, 7.7},
        {"aero", "SM+ScFuFFN", 1.8, 7.7},
        {"aero", "SM+ScFuFFN_i6", 0.9, 7.7},
        {"aero", "EReg(SM(t)+ScFuFFN)", 1.8, 7.7},
        {"aero", "EReg(SM(t)+ScFuFFN_i6)", 0.9, 7.7}}},
      {"GPT-2, 12 layers, T = 256",
       12,
       256,
       {{"baseline", "SM+LN+G", 29.0, 16.3},
        {"baseline", "SM+LN+R", 29.0, 16.3},
        {"sota", "SM+ScFFN", 29.0, 8.5},
        {"sota", "SM+ScFuFFN", 3.6, 8.5},
        {"aero", "SM+ScFFN", 29.0, 16.3},
        {"aero", "SM+ScFuFFN", 3.6, 16.3},
        {"aero", "SM+ScFuFFN_i6", 1.8, 16.3},
        {"aero", "EReg(SM(t)+ScFuFFN)", 3.6, 16.3},
        {"aero", "EReg(SM(t)+ScFuFFN_i6)", 1.8, 16.3}}},
      {"GPT-2, 18 layers, T = 128",
       18,
       128,
       {{"baseline", "SM+LN+G", 21.7, 11.6},
        {"baseline", "SM+LN+R", 21.7, 11.6},
        {"sota", "SM+ScFFN", 21.7, 5.9},
        {"aero", "SM+ScFFN", 21.7, 11.6},
        {"aero", "SM+ScFuFFN", 2.7, 11.6},
        {"aero", "SM+ScFuFFN_i4", 2.1, 11.6},
        {"aero", "EReg(SM(t)+ScFuFFN)", 2.7, 11.6},
        {"aero", "EReg(SM(t)+ScFuFFN_i4)", 2.1, 11.6}}},
      {"Languini, 12 layers, T = 512",
       12,
       512,
       {{"baseline", "SM+LN+G", 58.0, 36.2},
        {"baseline", "SM+LN+R", 58.0, 36.2},
        {"sota", "SM+ScFFN", 58.0, 19.3},
        {"aero", "SM+ScFFN", 58.0, 36.2},
        {"aero", "SM+ScFuFFN", 7.3, 36.2},
        {"aero", "SM+ScFuFFN_i1", 6.6, 36.2},
        {"aero", "EReg(SM(t)+ScFuFFN)", 7.3, 36.2},
        {"aero", "EReg(SM(t)+ScFuFFN_i1)", 6.6, 36.2}}},
  };
  return tables;
}

/// Two cells of the last table, the fused FFN's, are 58.0 / 8 = 7.25 rounded a second time; what
/// they count is 12 * 2 T d^2.
constexpr double rounded_twice = 7.3;
constexpr std::int64_t fused_ffn_of_the_last_table = 7'247'757'312;

double in_tenths_of_gflops(std::int64_t flops) {
  return std::round(static_cast<double>(flops) / 1e8) / 10;
}

TEST(Flops, AreThoseOfEveryRowInThePapersTables) {
  std::size_t rows = 0;
  for (const auto& table : paper_tables()) {
    for (const auto& row : table.rows) {
      SCOPED_TRACE(table.title + ", " + row.group + ", " + row.architecture);
      ModelConfig config;
      apply_preset("gpt2-12l", config);
      if (row.group == "sota") apply_family(Family::simplified, config);
      apply_architecture(row.architecture, config);
      config.n_layer = table.n_layer;
      config.context = table.context;
      const auto paper = forward_flops(config).paper;
      if (row.ffn == rounded_twice) {
        EXPECT_EQ(paper.ffn, fused_ffn_of_the_last_table);
      } else {
        EXPECT_DOUBLE_EQ(in_tenths_of_gflops(paper.ffn), row.ffn);
      }
      EXPECT_DOUBLE_EQ(in_tenths_of_gflops(paper.attention), row.attention);
      ++rows;
    }
  }
  EXPECT_EQ(rows, 35);
}

// torch.utils.flop_counter.FlopCounterMode over a forward pass of the same decoder in PyTorch, its
// attention written out as two products.
TEST(Flops, AreWhatPyTorchCounts) {
  const ModelConfig config{
      .n_layer = 2, .n_head = 4, .d_model = 32, .d_ffn = 96, .context = 16, .vocab_size = 97};
  const auto full = forward_flops(config).full;
  EXPECT_EQ(full.attention, 2 * 163'840);
  EXPECT_EQ(full.ffn, 2 * 196'608);
  EXPECT_EQ(full.head, 99'328);
  EXPECT_EQ(full.total, 820'224);
}

TEST(Flops, OfThePapersModelAreWhatPyTorchCounts) {
  const ModelConfig config{
      .n_layer = 12, .n_head = 12, .d_model = 768, .context = 128, .vocab_size = 50'000};
  EXPECT_EQ(forward_flops(config).full.total, 32'177'651'712);
}

// The same counter over Hugging Face's GPT2LMHeadModel with eager attention: a prompt whose last
// position alone has logits, and one token after 15 in its cache.
TEST(Flops, OfGenerationAreWhatPyTorchCountsInHuggingFacesGpt2) {
  const ModelConfig config{
      .n_layer = 2, .n_head = 4, .d_model = 32, .d_ffn = 96, .context = 16, .vocab_size = 97};
  EXPECT_EQ(forward_flops(config, prefill(config)).full.total, 727'104);
  EXPECT_EQ(forward_flops(config, one_token(config)).full.total, 51'264);
}

// And over its GPTNeoXForCausalLM.
TEST(Flops, OfPythiaAreWhatPyTorchCountsInHuggingFacesGptNeoX) {
  ModelConfig config;
  apply_preset("pythia-tiny", config);
  config.n_layer = 3;
  config.n_head = 2;
  config.d_model = 16;
  config.d_ffn = 40;
  config.context = 12;
  config.vocab_size = 31;
  EXPECT_EQ(forward_flops(config).full.total, 205'440);
  EXPECT_EQ(forward_flops(config, prefill(config)).full.total, 194'528);
  EXPECT_EQ(forward_flops(config, one_token(config)).full.total, 17'120);
}

ModelConfig small(const char* architecture, Family family = Family::gpt2) {
  ModelConfig config{
      .n_layer = 2, .n_head = 4, .d_model = 32, .d_ffn = 96, .context = 16, .vocab_size = 97};
  apply_family(family, config);
  apply_architecture(architecture, config);
  return config;
}

// By hand: a 32 x 32 matrix takes 2 * 16 * 32 * 32 = 32,768, W_in or W_out 98,304, and Q K^T or A V
// 2 * 16 * 16 * 32 = 16,384.
TEST(Flops, OfAPrunedModelAreThoseOfTheFfnsThatItHas) {
  EXPECT_EQ(forward_flops(small("SM+ScFFN_i1")).full.ffn, 196'608);
  EXPECT_EQ(forward_flops(small("SM+FFN_i[0]")).full.ffn, 196'608);
  const auto all_pruned = forward_flops(small("SM+ScFFN_i2")).full;
  EXPECT_EQ(all_pruned.ffn, 0);
  EXPECT_EQ(all_pruned.total, 2 * 163'840 + 99'328);
}

TEST(Flops, OfAFusedFfnAreOneProduct) {
  auto config = small("SM+ScFuFFN");
  config.d_ffn = 0;
  EXPECT_EQ(forward_flops(config).full.ffn, 2 * 32'768);
  EXPECT_EQ(forward_flops(config).paper.ffn, 2 * 32'768);
  config.ffn_pruned = 1;
  EXPECT_EQ(forward_flops(config).full.ffn, 32'768);
}

TEST(Flops, OfTheSimplifiedFamilyAreQAndKAndTheFirstValues) {
  const auto flops = forward_flops(small("SM+R+ScFFN", Family::simplified));
  EXPECT_EQ(flops.full.attention, 2 * (2 * 32'768 + 2 * 16'384) + 32'768);
  EXPECT_EQ(flops.paper.attention, 2 * (2 * 32'768 + 16'384));
  EXPECT_EQ(flops.full.ffn, 2 * 196'608);
  EXPECT_EQ(flops.full.total, 721'920);  // FlopCounterMode over the block in PyTorch
}

TEST(Flops, OfProductsKnowNoNormalisationScaleTemperatureOrPenalty) {
  const auto plain = forward_flops(small("SM"));
  for (const char* name : {"SM+WNFFN", "SM+SNFFN", "SM+ScFFN", "SM(t)", "EReg(SM(t)+ScFFN)"}) {
    const auto flops = forward_flops(small(name));
    EXPECT_EQ(flops.paper, plain.paper) << name;
    EXPECT_EQ(flops.full, plain.full) << name;
    EXPECT_EQ(flops.causal, plain.causal) << name;
  }
}

// 16 * 17 / 2 = 136 of 256 pairs: 2 * 136 * 32 = 8,704 for each of Q K^T and A V.
TEST(Flops, OfCausalAttentionAreThoseOfThePairsThatTheMaskLeaves) {
  const auto flops = forward_flops(small("SM+LN+G"));
  EXPECT_EQ(flops.causal.attention, 2 * (4 * 32'768 + 2 * 8'704));
  EXPECT_EQ(flops.causal.ffn, flops.full.ffn);
  EXPECT_EQ(flops.causal.head, 99'328);
  EXPECT_EQ(flops.causal.total, 2 * (4 * 32'768 + 2 * 8'704) + 2 * 196'608 + 99'328);
}

// Positions 3, 4 and 5 of 6 see 4, 5 and 6 keys: 15 pairs of 18, each 2 * 32 a product and layer.
TEST(Flops, OfCausalAttentionAfterACacheCountTheCachedKeys) {
  const auto config = small("SM");
  const auto flops = forward_flops(config, {.queries = 3, .keys = 6, .logits = 0});
  EXPECT_EQ(flops.full.attention - flops.causal.attention, 2 * 2 * 2 * 32 * (18 - 15));
  EXPECT_EQ(flops.causal.head, 0);
  const auto one = forward_flops(config, one_token(config));
  EXPECT_EQ(one.causal, one.full);
}

TEST(Flops, OfPapersFormulasTakeAPassesQueriesAndKeys) {
  const auto config = small("SM");
  const auto paper = forward_flops(config, one_token(config)).paper;
  EXPECT_EQ(paper.attention, 2 * (8 * 32 * 32 + 3 * 16 * 32));
  EXPECT_EQ(paper.ffn, 2 * 4 * 32 * 96);
}

// By hand: states are 16 * 32 = 512 numbers, inner ones 16 * 96 = 1,536, scores 4 * 16 * 16 =
// 1,024.
TEST(Flops, ElementByElementAreChargedAsTheHeaderSays) {
  auto config = small("SM+LN+G");
  config.activation = ActivationKind::gelu_tanh;
  auto pointwise = forward_flops(config).pointwise;
  EXPECT_EQ(pointwise.norm, 7 * 5 * 512);
  EXPECT_EQ(pointwise.softmax, 5 * 2 * 1'024);
  EXPECT_EQ(pointwise.activation, 9 * 2 * 1'536);
  EXPECT_EQ(pointwise.scale, 2 * 512);  // 1 / sqrt(d_k)
  EXPECT_EQ(pointwise.total, 7 * 5 * 512 + 5 * 2 * 1'024 + 9 * 2 * 1'536 + 2 * 512);
  config.activation = ActivationKind::gelu;
  config.norm_bias = false;
  pointwise = forward_flops(config).pointwise;
  EXPECT_EQ(pointwise.norm, 6 * 5 * 512);
  EXPECT_EQ(pointwise.activation, 5 * 2 * 1'536);
}

TEST(Flops, ElementByElementKnowEveryNormAndActivation) {
  EXPECT_EQ(forward_flops(small("SM+RMS+R")).pointwise.norm, 4 * 5 * 512);
  EXPECT_EQ(forward_flops(small("SM+RMS+R")).pointwise.activation, 2 * 1'536);
  EXPECT_EQ(forward_flops(small("SM+LR")).pointwise.activation, 2 * 2 * 1'536);
  EXPECT_EQ(forward_flops(small("2Q+LN+Q")).pointwise.activation, 4 * 2 * 1'536);
  EXPECT_EQ(forward_flops(small("2Q+LN+Q")).pointwise.softmax, 4 * 2 * 1'024);
  EXPECT_EQ(forward_flops(small("RA+LN+G")).pointwise.softmax, 2 * 2 * 1'024);
}

// Temperature, 1 / sqrt(d_k), alpha and beta in the layer that has an FFN, two in the one without.
TEST(Flops, ElementByElementCountEveryScale) {
  EXPECT_EQ(forward_flops(small("SM(t)+ScFFN_i1")).pointwise.scale, (4 + 2) * 512);
}

TEST(Flops, OfTrainingAreThriceTheForwardPass) {
  RunConfig config;
  config.model = {
      .n_layer = 2, .n_head = 4, .d_model = 32, .d_ffn = 96, .context = 16, .vocab_size = 97};
  config.train.batch_size = 5;
  config.train.accumulation = 7;
  EXPECT_EQ(training_flops_per_token(config.model), 153'792);
  EXPECT_EQ(training_flops_per_step(config), 86'123'520);
}

TEST(Flops, BeyondSixtyFourBitsAreRefused) {
  const ModelConfig config{
      .n_layer = 10'000, .n_head = 1, .d_model = 1'000'000, .context = 1'000'000};
  EXPECT_THAT([&] { forward_flops(config); },
              ThrowsMessage<UsageError>(HasSubstr("64 bits; check model.n_layer")));
}

}  // namespace
}  // namespace aero::cost
