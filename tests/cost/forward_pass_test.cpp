#include "aero/cost/forward_pass.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"
#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>

namespace aero::cost {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// One layer of H = 2, d = 8, d_k = 4, d_ffn = 24, T = 5, V = 11, unless the test changes it.
ModelConfig tiny(const char* architecture, Family family = Family::gpt2) {
  ModelConfig config{.n_layer = 1, .n_head = 2, .d_model = 8, .context = 5, .vocab_size = 11};
  apply_family(family, config);
  apply_architecture(architecture, config);
  config.rotary_fraction = 0.5;
  if (!config.ffn_fused) config.d_ffn = 24;
  return config;
}

std::vector<ForwardOperation> whole(const ModelConfig& config) {
  return forward_operations(config, whole_context(config));
}

ForwardOperation product(const char* name, std::int64_t layer, std::int64_t m, std::int64_t k,
                         std::int64_t n) {
  return {name, Primitive::matmul, Operand::weight, layer, 1, m, k, n};
}

ForwardOperation by_head(const char* name, std::int64_t layer, std::int64_t m, std::int64_t k,
                         std::int64_t n) {
  return {name, Primitive::matmul, Operand::activation, layer, 2, m, k, n};
}

ForwardOperation row_wise(const char* name, Primitive primitive, std::int64_t layer,
                          std::int64_t count, std::int64_t m, std::int64_t n) {
  return {name, primitive, Operand::none, layer, count, m, 1, n};
}

ForwardOperation multiply(const char* name, Operand operand, std::int64_t layer, std::int64_t m,
                          std::int64_t n, bool folds) {
  return {name, Primitive::multiply, operand, layer, 1, m, 1, n, folds};
}

ForwardOperation head(std::int64_t m) {
  return {"head", Primitive::head, Operand::weight, -1, 1, m, 8, 11};
}

ForwardOperation embedding(std::int64_t m) {
  return {"embedding", Primitive::embedding, Operand::weight, -1, 1, m, 11, 8};
}

ForwardOperation position(std::int64_t m, std::int64_t rows) {
  return {"position", Primitive::position, Operand::weight, -1, 1, m, rows, 8};
}

/// The names within one layer, in their order.
std::vector<std::string> names(const std::vector<ForwardOperation>& operations,
                               std::int64_t layer) {
  std::vector<std::string> result;
  for (const auto& o : operations) {
    if (o.layer == layer) result.push_back(o.name);
  }
  return result;
}

std::set<std::string> folding(const std::vector<ForwardOperation>& operations) {
  std::set<std::string> result;
  for (const auto& o : operations) {
    if (o.folds) result.insert(o.name);
  }
  return result;
}

ForwardOperation find(const std::vector<ForwardOperation>& operations, const std::string& name) {
  const auto found = std::ranges::find(operations, name, &ForwardOperation::name);
  if (found == operations.end()) throw Error("no operation " + name);
  return *found;
}

// Written down from GPT-2's definition; the table has more rows than the context.
TEST(ForwardPass, OfGpt2IsEveryStepOfItsDefinition) {
  auto config = tiny("SM+LN+G");
  config.activation = ActivationKind::gelu_tanh;
  config.positions = 7;
  EXPECT_THAT(whole(config),
              ElementsAre(embedding(5), position(5, 7),                         //
                          row_wise("norm1", Primitive::layernorm, 0, 1, 5, 8),  //
                          product("q", 0, 5, 8, 8), product("k", 0, 5, 8, 8),   //
                          product("v", 0, 5, 8, 8),                             //
                          multiply("attention_scale", Operand::constant, 0, 5, 8, true),
                          by_head("scores", 0, 5, 4, 5),                              //
                          row_wise("softmax", Primitive::softmax, 0, 2, 5, 5),        //
                          by_head("mix", 0, 5, 5, 4), product("o", 0, 5, 8, 8),       //
                          row_wise("norm2", Primitive::layernorm, 0, 1, 5, 8),        //
                          product("w_in", 0, 5, 8, 24),                               //
                          row_wise("activation", Primitive::gelu_tanh, 0, 1, 5, 24),  //
                          product("w_out", 0, 5, 24, 8),                              //
                          row_wise("final_norm", Primitive::layernorm, -1, 1, 5, 8), head(5)));
}

// Of 4 dimensions a head, 2 turn: x1 cos - x2 sin and x2 cos + x1 sin are 4 products a head.
TEST(ForwardPass, OfPythiaTurnsQueriesAndKeysAndHasNoPositionTable) {
  const auto config = tiny("SM+LN+G", Family::pythia);
  const auto operations = whole(config);
  EXPECT_THAT(names(operations, -1), ElementsAre("embedding", "final_norm", "head"));
  EXPECT_THAT(names(operations, 0),
              ElementsAre("norm1", "q", "k", "v", "rotary_q", "rotary_k", "attention_scale",
                          "scores", "softmax", "mix", "o", "norm2", "w_in", "activation", "w_out"));
  EXPECT_EQ(find(operations, "rotary_q"),
            multiply("rotary_q", Operand::constant, 0, 5, 2 * 4, false));
  EXPECT_EQ(find(operations, "rotary_k"),
            multiply("rotary_k", Operand::constant, 0, 5, 2 * 4, false));
  EXPECT_EQ(find(operations, "activation").primitive, Primitive::gelu);
}

TEST(ForwardPass, OfAScaledFfnMultipliesItsOutputAndTheSkip) {
  const auto operations = whole(tiny("SM+ScFFN"));
  EXPECT_THAT(names(operations, 0),
              ElementsAre("q", "k", "v", "attention_scale", "scores", "softmax", "mix", "o", "w_in",
                          "w_out", "alpha", "beta"));
  EXPECT_EQ(find(operations, "alpha"), multiply("alpha", Operand::weight, 0, 5, 8, true));
  EXPECT_EQ(find(operations, "beta"), multiply("beta", Operand::weight, 0, 5, 8, true));
}

TEST(ForwardPass, OfATemperatureMultipliesTheQueriesAndDoesNotFold) {
  const auto operations = whole(tiny("EReg(SM(t)+ScFuFFN)"));
  EXPECT_THAT(names(operations, 0),
              ElementsAre("q", "k", "v", "temperature", "attention_scale", "scores", "softmax",
                          "mix", "o", "w", "alpha", "beta"));
  EXPECT_EQ(find(operations, "temperature"),
            multiply("temperature", Operand::weight, 0, 5, 8, false));
  EXPECT_EQ(find(operations, "w"), product("w", 0, 5, 8, 8));
}

TEST(ForwardPass, OfSubstitutesHasTheirPrimitives) {
  const auto mpcformer = whole(tiny("2Q+LN+Q"));
  EXPECT_THAT(names(mpcformer, 0),
              ElementsAre("norm1", "q", "k", "v", "attention_scale", "scores", "softmax_2quad",
                          "mix", "o", "norm2", "w_in", "activation", "w_out"));
  EXPECT_EQ(find(mpcformer, "softmax_2quad"),
            row_wise("softmax_2quad", Primitive::softmax_2quad, 0, 2, 5, 5));
  EXPECT_EQ(find(mpcformer, "activation"),
            row_wise("activation", Primitive::quadratic, 0, 1, 5, 24));
  EXPECT_EQ(find(whole(tiny("RA+LN+G")), "relu_attention"),
            row_wise("relu_attention", Primitive::relu_attention, 0, 2, 5, 5));
}

TEST(ForwardPass, OfAFixedNormAndATemperatureOfAHeadFolds) {
  const auto operations = whole(tiny("SM(h)+LNf+G+ScFFN"));
  for (const char* name : {"norm1", "norm2", "temperature", "beta"}) {
    EXPECT_EQ(find(operations, name), multiply(name, Operand::weight, 0, 5, 8, true));
  }
  EXPECT_EQ(find(operations, "final_norm").primitive, Primitive::layernorm);
}

TEST(ForwardPass, OfAPrunedFfnEndsWithTheAttention) {
  auto config = tiny("SM+ScFFN");
  config.n_layer = 3;
  config.ffn_pruned_layers = {1};
  const auto operations = whole(config);
  EXPECT_EQ(names(operations, 1).back(), "o");
  EXPECT_EQ(names(operations, 0).back(), "beta");
  EXPECT_EQ(names(operations, 2), names(operations, 0));
  config.norm = NormKind::rmsnorm;
  EXPECT_THAT(names(whole(config), 1), ElementsAre("norm1", "q", "k", "v", "attention_scale",
                                                   "scores", "softmax", "mix", "o"));
}

// He and Hofmann's equations: h = a attention(n1(x)), y = m_s h + m_r ffn(n2(h)).
TEST(ForwardPass, OfTheSimplifiedFamilyHasItsScalarsAndValuesInLayer0Alone) {
  auto config = tiny("SM+RMS+R+ScFFN", Family::simplified);
  config.n_layer = 2;
  const auto operations = whole(config);
  EXPECT_THAT(names(operations, -1), ElementsAre("embedding", "position", "final_norm", "head"));
  EXPECT_THAT(names(operations, 0),
              ElementsAre("norm1", "q", "k", "v", "value_gain", "value_skip", "attention_scale",
                          "scores", "softmax", "mix", "shaped_alpha", "shaped_beta", "shaped_mean",
                          "shaped_gamma", "attention_gain", "norm2", "w_in", "activation", "w_out",
                          "skip_gain", "ffn_gain"));
  EXPECT_THAT(
      names(operations, 1),
      ElementsAre("norm1", "q", "k", "attention_scale", "scores", "softmax", "mix", "shaped_alpha",
                  "shaped_beta", "shaped_mean", "shaped_gamma", "attention_gain", "norm2", "w_in",
                  "activation", "w_out", "skip_gain", "ffn_gain"));
  EXPECT_EQ(find(operations, "shaped_alpha"),
            multiply("shaped_alpha", Operand::weight, 0, 5, 8, false));
  EXPECT_EQ(find(operations, "shaped_mean"),
            multiply("shaped_mean", Operand::constant, 0, 5, 8, true));
  EXPECT_EQ(find(operations, "norm1").primitive, Primitive::rmsnorm);
}

// y = a attention(n) + m_r ffn(n), n = n1(x): one norm, and no skip.
TEST(ForwardPass, OfASimplifiedBlockSideBySideSharesItsNormAndHasNoSkipGain) {
  auto config = tiny("SM+LN+R+ScFFN", Family::simplified);
  config.parallel_residual = true;
  const auto operations = whole(config);
  const auto block = names(operations, 0);
  EXPECT_EQ(std::ranges::count(block, "norm2"), 0);
  EXPECT_EQ(std::ranges::count(block, "skip_gain"), 0);
  EXPECT_EQ(block.back(), "ffn_gain");
}

TEST(ForwardPass, OfTheSimplifiedFamilyWithoutNormsKeepsTheFirst) {
  auto config = tiny("SM+ScFFN", Family::simplified);
  config.n_layer = 2;
  const auto operations = whole(config);
  EXPECT_EQ(find(operations, "norm1"), row_wise("norm1", Primitive::layernorm, 0, 1, 5, 8));
  EXPECT_EQ(names(operations, 0).front(), "norm1");
  EXPECT_EQ(names(operations, 1).front(), "q");
}

// Folded into random weights in PyTorch, in float64, these leave the logits as they are.
TEST(ForwardPass, SaysWhatItsOwnerCanFoldBeforehand) {
  using Names = std::set<std::string>;
  EXPECT_EQ(folding(whole(tiny("SM(t)+G+ScFFN"))), (Names{"attention_scale", "alpha", "beta"}));
  EXPECT_EQ(folding(whole(tiny("SM+LN+G+ScFFN"))), (Names{"attention_scale", "alpha"}));
  EXPECT_EQ(folding(whole(tiny("SM+RMS+LR+ScFFN", Family::pythia))),
            (Names{"attention_scale", "alpha"}));
  const Names always{"attention_scale", "value_gain",     "value_skip",
                     "shaped_mean",     "attention_gain", "ffn_gain"};
  EXPECT_EQ(folding(whole(tiny("SM+LN+R+ScFFN", Family::simplified))), always);
  Names without_norms = always;
  without_norms.insert("skip_gain");
  EXPECT_EQ(folding(whole(tiny("SM+G+ScFFN", Family::simplified))), without_norms);
}

TEST(ForwardPass, LacksTheAttentionScaleThatIsFoldedAlready) {
  auto config = tiny("SM+ScFFN");
  config.attention_scaled = false;
  config.ffn_scaled = false;
  EXPECT_THAT(folding(whole(config)), IsEmpty());
  EXPECT_EQ(std::ranges::count(names(whole(config), 0), "attention_scale"), 0);
}

TEST(ForwardPass, KnowsNoNormalisationOfWeightsAndNoPenalty) {
  const auto plain = whole(tiny("SM"));
  for (const char* name : {"SM+WNFFN", "SM+SNFFN", "EReg(SM)"}) {
    EXPECT_THAT(whole(tiny(name)), ElementsAreArray(plain)) << name;
  }
  auto config = tiny("SM(t)");
  const auto cooled = whole(config);
  config.temperature = TemperatureForm::raw;
  EXPECT_THAT(whole(config), ElementsAreArray(cooled));
}

TEST(ForwardPass, IsTheSameForATiedAndAnUntiedHead) {
  auto config = tiny("SM+LN+G");
  const auto tied = whole(config);
  config.tied_head = false;
  EXPECT_THAT(whole(config), ElementsAreArray(tied));
}

TEST(ForwardPass, OfAPromptReadsTheLastPositionAlone) {
  const auto config = tiny("SM+LN+G");
  auto expected = whole(config);
  expected[expected.size() - 2] = row_wise("final_norm", Primitive::layernorm, -1, 1, 1, 8);
  expected.back() = head(1);
  EXPECT_THAT(forward_operations(config, prefill(config)), ElementsAreArray(expected));
}

TEST(ForwardPass, OfOneTokenAttendsToTheCachedOnes) {
  const auto config = tiny("SM(t)+ScFFN");
  EXPECT_THAT(forward_operations(config, one_token(config)),
              ElementsAre(embedding(1), position(1, 5),                        //
                          product("q", 0, 1, 8, 8), product("k", 0, 1, 8, 8),  //
                          product("v", 0, 1, 8, 8),                            //
                          multiply("temperature", Operand::weight, 0, 1, 8, false),
                          multiply("attention_scale", Operand::constant, 0, 1, 8, true),
                          by_head("scores", 0, 1, 4, 5),                         //
                          row_wise("softmax", Primitive::softmax, 0, 2, 1, 5),   //
                          by_head("mix", 0, 1, 5, 4), product("o", 0, 1, 8, 8),  //
                          product("w_in", 0, 1, 8, 24), product("w_out", 0, 1, 24, 8),
                          multiply("alpha", Operand::weight, 0, 1, 8, true),
                          multiply("beta", Operand::weight, 0, 1, 8, true),
                          row_wise("final_norm", Primitive::layernorm, -1, 1, 1, 8), head(1)));
}

TEST(ForwardPass, MayStopBeforeTheHead) {
  const auto config = tiny("SM+LN+G");
  const auto operations = forward_operations(config, {.queries = 2, .keys = 4, .logits = 0});
  EXPECT_EQ(operations.back(), product("w_out", 0, 2, 24, 8));
  EXPECT_EQ(find(operations, "scores"), by_head("scores", 0, 2, 4, 4));
}

void expect_refused(const Pass& pass, const char* message) {
  EXPECT_THAT([&] { forward_operations(tiny("SM"), pass); },
              ThrowsMessage<UsageError>(HasSubstr(message)));
}

TEST(ForwardPass, ThatCannotBeIsRefused) {
  expect_refused({.queries = 0, .keys = 1, .logits = 0}, "queries: 0: at least one");
  expect_refused({.queries = 3, .keys = 2, .logits = 1}, "keys: 2: fewer than the 3 queries");
  expect_refused({.queries = 3, .keys = 6, .logits = 1}, "keys: 6: more than model.context = 5");
  expect_refused({.queries = 3, .keys = 3, .logits = 4},
                 "logits: 4: must be from 0 to the 3 queries");
  expect_refused({.queries = 3, .keys = 3, .logits = -1},
                 "logits: -1: must be from 0 to the 3 queries");
}

TEST(ForwardPass, BeyondSixtyFourBitsIsRefused) {
  const ModelConfig config{.n_layer = 1,
                           .n_head = 1,
                           .d_model = 1'000'000,
                           .context = 1'000'000,
                           .vocab_size = 100'000'000};
  EXPECT_THAT([&] { whole(config); }, ThrowsMessage<UsageError>(HasSubstr("64 bits")));
}

}  // namespace
}  // namespace aero::cost
