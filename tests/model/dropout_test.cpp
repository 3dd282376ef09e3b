#include "aero/model/part.h"

#include <ATen/Context.h>

#include <gtest/gtest.h>

namespace aero::model {
namespace {

// 40,000 draws: their share is within 0.0022 of p in 2 of 3 cases.
TEST(Dropout, ZeroesAShareAndScalesTheRest) {
  const auto dropout = make_dropout(0.25);
  at::manual_seed(1);
  const auto y = dropout->forward(torch::ones({40'000}, torch::kFloat64));
  EXPECT_NEAR(y.eq(0).to(torch::kFloat64).mean().item<double>(), 0.25, 0.01);
  const auto rest = y.masked_select(y.ne(0));
  EXPECT_LE((rest - 4. / 3).abs().max().item<double>(), 1e-6);
}

TEST(Dropout, IsTheInputInEvaluation) {
  const auto dropout = make_dropout(0.25);
  dropout->eval();
  const auto x = torch::ones({100});
  EXPECT_TRUE(torch::equal(dropout->forward(x), x));
}

TEST(Dropout, IsAbsentWhereItsProbabilityIsZero) {
  const auto x = torch::ones({100});
  EXPECT_TRUE(make_dropout(0)->forward(x).is_same(x));
}

}  // namespace
}  // namespace aero::model
