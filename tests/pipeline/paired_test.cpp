#include "aero/pipeline/paired.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace aero::pipeline {
namespace {

// The two-sided 5% points of printed tables, as in Abramowitz and Stegun, table 26.10.
TEST(StudentsT, HasThePointsOfPrintedTables) {
  EXPECT_NEAR(t_of_95_percent(1), 12.706, 5e-4);
  EXPECT_NEAR(t_of_95_percent(2), 4.303, 5e-4);
  EXPECT_NEAR(t_of_95_percent(3), 3.182, 5e-4);
  EXPECT_NEAR(t_of_95_percent(4), 2.776, 5e-4);
  EXPECT_NEAR(t_of_95_percent(5), 2.571, 5e-4);
  EXPECT_NEAR(t_of_95_percent(9), 2.262, 5e-4);
  EXPECT_NEAR(t_of_95_percent(10), 2.228, 5e-4);
  EXPECT_NEAR(t_of_95_percent(30), 2.042, 5e-4);
  EXPECT_NEAR(t_of_95_percent(120), 1.980, 5e-4);
  EXPECT_NEAR(t_of_95_percent(1000000), 1.960, 5e-4);
  EXPECT_THROW(t_of_95_percent(0), std::invalid_argument);
}

// Differences 1, 2 and 6: mean 3, s^2 = (4 + 1 + 9) / 2 = 7, s / sqrt(3) = 1.52753; times 4.30265.
TEST(PairedDifference, IsTakenOverTheSeedsThatBothHave) {
  const auto difference =
      paired_difference({{1, 11}, {2, 22}, {3, 36}, {5, 99}}, {{1, 10}, {2, 20}, {3, 30}, {4, 40}});
  EXPECT_EQ(difference.n, 3U);
  EXPECT_NEAR(*difference.mean, 3, 1e-14);
  EXPECT_NEAR(*difference.margin, 6.57240, 1e-4);
  EXPECT_EQ(difference.order(), Order::level);
}

TEST(PairedDifference, FindsWhatIsBeyondTheSpreadHoweverFarTheSeedsAreApart) {
  const BySeed base{{1, 10}, {2, 50}, {3, 90}};
  const BySeed below{{1, 9}, {2, 49.1}, {3, 88.9}};
  EXPECT_EQ(paired_difference(below, base).order(), Order::lower);
  EXPECT_EQ(paired_difference(base, below).order(), Order::higher);
  EXPECT_EQ(paired_difference(base, base).order(), Order::level);
}

// Differences 1.0 and 0.6: mean 0.8, s / sqrt(2) = 0.2, times 12.7.
TEST(PairedDifference, OfTwoSeedsHasAWideInterval) {
  const auto difference = paired_difference({{1, 1.0}, {2, 1.2}}, {{1, 0}, {2, 0.6}});
  EXPECT_NEAR(*difference.margin, 12.7062 * 0.2, 1e-4);
  EXPECT_EQ(difference.order(), Order::level);
}

TEST(PairedDifference, OfFewerThanTwoSeedsSaysNothingOfTheSpread) {
  const auto one = paired_difference({{1, 11}, {2, 22}}, {{1, 10}});
  EXPECT_EQ(one.n, 1U);
  EXPECT_EQ(one.mean, 1.0);
  EXPECT_FALSE(one.margin);
  EXPECT_EQ(one.order(), Order::unknown);
  const auto none = paired_difference({{2, 22}}, {{1, 10}});
  EXPECT_FALSE(none.mean);
  EXPECT_EQ(none.order(), Order::unknown);
}

}  // namespace
}  // namespace aero::pipeline
