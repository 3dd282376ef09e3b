#include "aero/train/loss_history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace aero::train {
namespace {

/// Losses around 4 with a deviation of 0.05.
std::vector<double> quiet_losses(std::size_t count) {
  std::mt19937 random(3);
  std::normal_distribution<double> around(4, 0.05);
  std::vector<double> losses(count);
  for (double& loss : losses) loss = around(random);
  return losses;
}

TEST(LossHistory, ReportsALossFarAboveTheOthersOnce) {
  LossHistory history;
  std::int64_t step = 0;
  for (const double loss : quiet_losses(100)) EXPECT_FALSE(history.add(++step, loss));
  const auto spike = history.add(101, 6);
  ASSERT_TRUE(spike);
  EXPECT_EQ(spike->step, 101);
  EXPECT_EQ(spike->loss, 6);
  EXPECT_NEAR(spike->mean, 4, 0.05);
  EXPECT_NEAR(spike->deviation, 0.05, 0.02);
  EXPECT_FALSE(history.add(102, 6.5));  // the same spike
  EXPECT_FALSE(history.add(103, 4));
  EXPECT_TRUE(history.add(104, 6));  // the next one, which the first does not hide
}

TEST(LossHistory, HasTheMeanAndDeviationOfTheFirstLosses) {
  // Of 1, 2, 3, 4 and so on in turn: mean 2.5, variance 1.25.
  LossHistory history;
  for (std::int64_t step = 0; step < 40; ++step) {
    EXPECT_FALSE(history.add(step, 1.0 + static_cast<double>(step % 4)));
  }
  const auto spike = history.add(40, 100);
  ASSERT_TRUE(spike);
  EXPECT_NEAR(spike->mean, 2.5, 1e-12);
  EXPECT_NEAR(spike->deviation, std::sqrt(1.25), 1e-12);
}

TEST(LossHistory, ReportsNothingWhereTheLossFallsOrIsNotFinite) {
  LossHistory history;
  for (std::int64_t step = 0; step < 300; ++step) {
    EXPECT_FALSE(history.add(step, 3 + 8 * std::exp(-static_cast<double>(step) / 40)));
    EXPECT_FALSE(history.add(step, std::numeric_limits<double>::infinity()));
  }
}

TEST(LossHistory, KnowsTooLittleAtFirst) {
  LossHistory history;
  for (std::int64_t step = 0; step < 19; ++step) EXPECT_FALSE(history.add(step, 4));
  EXPECT_FALSE(history.add(19, 40));
}

TEST(LossHistory, LeavesOutWhatIsLittleAboveSteadyLosses) {
  LossHistory history;
  for (std::int64_t step = 0; step < 100; ++step) EXPECT_FALSE(history.add(step, 4));
  EXPECT_FALSE(history.add(100, 4.39));  // less than 10%
}

}  // namespace
}  // namespace aero::train
