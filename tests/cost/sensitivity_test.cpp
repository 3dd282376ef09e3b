#include "aero/cost/sensitivity.h"

#include "aero/config/notation.h"
#include "aero/config/presets.h"

#include "own_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace aero::cost {
namespace {

/// T = 4, d = 8, one head, one layer, V = 10; no norm at all.
ModelConfig small(const char* architecture) {
  ModelConfig config;
  config.n_layer = 1;
  config.n_head = 1;
  config.d_model = 8;
  config.context = 4;
  config.vocab_size = 10;
  config.final_norm = false;
  apply_architecture(architecture, config);
  return config;
}

const Sensitivity* find(const std::vector<Sensitivity>& list, const std::string& assumption) {
  const auto found = std::ranges::find(list, assumption, &Sensitivity::assumption);
  return found == list.end() ? nullptr : &*found;
}

const Network lan{"lan", 8e6, 0.5, "made up"};

TEST(Sensitivity, RaisesEachConstantThatMatters) {
  const auto model = load(own_model);
  const auto config = small("SM+R");
  const auto pass = whole_context(config);
  const auto given = model.price(config, pass, lan);
  const auto list = sensitivities(model, config, pass, lan);
  // 4 tokens at 10 B each are looked up.
  ASSERT_NE(find(list, "constant look_up + 10%"), nullptr);
  EXPECT_NEAR(find(list, "constant look_up + 10%")->comm_bytes, given.comm_bytes + 4, 1e-9);
  // Everything else is charged by the byte.
  EXPECT_NEAR(find(list, "constant byte + 10%")->comm_bytes,
              given.comm_bytes + 0.1 * (given.comm_bytes - 40), 1e-9);
  // A tick an element of ReLU, [4, 32], and one each for scores and mix.
  ASSERT_NE(find(list, "constant tick + 10%"), nullptr);
  EXPECT_NEAR(*find(list, "constant tick + 10%")->latency_seconds,
              *given.latency_seconds + 0.1 * 0.001 * (4 * 32 + 2), 1e-9);
}

TEST(Sensitivity, AsksForAnotherNetworkWhereThereIsOne) {
  const auto model = load(own_model);
  const auto config = small("SM+R");
  const auto pass = whole_context(config);
  const auto given = model.price(config, pass, lan);
  const auto list = sensitivities(model, config, pass, lan);
  EXPECT_NEAR(*find(list, "half the bandwidth")->latency_seconds,
              *given.latency_seconds + given.comm_bytes / 1e6, 1e-9);
  EXPECT_NEAR(*find(list, "twice the round trip")->latency_seconds,
              *given.latency_seconds + 0.5 * *given.rounds, 1e-9);
  EXPECT_EQ(find(sensitivities(model, config, pass), "half the bandwidth"), nullptr);
}

TEST(Sensitivity, ReportsTheCostOfATemperatureThatAllKnow) {
  const auto model = load(own_model);
  const auto config = small("SM(t)+R");
  const auto pass = whole_context(config);
  const auto given = model.price(config, pass);
  const auto list = sensitivities(model, config, pass);
  // T d = 32 products at 5 B instead of 7 B.
  ASSERT_NE(find(list, "temperatures are public"), nullptr);
  EXPECT_NEAR(find(list, "temperatures are public")->comm_bytes, given.comm_bytes - 64, 1e-9);
  EXPECT_EQ(find(list, "temperatures are the server's"), nullptr);
  EXPECT_EQ(find(sensitivities(model, small("SM+R"), pass), "temperatures are public"), nullptr);
}

TEST(Sensitivity, ReportsTheSavingsOfFolding) {
  const auto model = load(own_model);
  const auto config = small("SM+R");
  const auto pass = whole_context(config);
  const auto given = model.price(config, pass);
  const auto* unfolded = find(sensitivities(model, config, pass), "nothing is folded beforehand");
  ASSERT_NE(unfolded, nullptr);
  // 1/sqrt(d_k) on Q, [4, 8], at 5 B.
  EXPECT_NEAR(unfolded->comm_bytes, given.comm_bytes + 160, 1e-9);
}

TEST(Sensitivity, LeavesAPriceUnknownWhereTheModelHasNone) {
  // A model without products by constants prices what folds, and not what does not fold.
  const std::string products =
      R"json("multiply_constant": {"arguments": ["n"], "bytes": "5 * work(n)", "rounds": "1",
                          "seconds": "0", "source": "s"},)json";
  const auto model = load(with(own_model, products, ""));
  const auto config = small("SM+R");
  const auto pass = whole_context(config);
  EXPECT_EQ(model.price(config, pass).comm_bytes, load(own_model).price(config, pass).comm_bytes);
  const auto list = sensitivities(model, config, pass);
  const auto* unfolded = find(list, "nothing is folded beforehand");
  ASSERT_NE(unfolded, nullptr);
  EXPECT_THAT(
      unfolded->unpriced,
      testing::HasSubstr("primitives.multiply_constant: missing, and this model's operation"));
  // The other sensitivities are still reported.
  ASSERT_NE(find(list, "constant look_up + 10%"), nullptr);
  EXPECT_EQ(find(list, "constant look_up + 10%")->unpriced, "");
}

TEST(Sensitivity, LeavesAPriceUnknownWhereAConstantWouldMakeItNegative) {
  const auto model =
      load(with(own_model, "\"tokens * look_up\"", "\"tokens * (10.5 * byte - look_up)\""));
  const auto config = small("SM+R");
  const auto list = sensitivities(model, config, whole_context(config));
  ASSERT_NE(find(list, "constant look_up + 10%"), nullptr);
  EXPECT_THAT(find(list, "constant look_up + 10%")->unpriced, testing::HasSubstr("gives -2"));
}

}  // namespace
}  // namespace aero::cost
