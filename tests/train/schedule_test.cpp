#include "aero/train/schedule.h"

#include <gtest/gtest.h>

namespace aero::train {
namespace {

ScheduleConfig schedule(ScheduleKind name, double final_lr) {
  ScheduleConfig config;
  config.name = name;
  config.final_lr = final_lr;
  return config;
}

TEST(Schedule, WarmsUpInEqualStepsToTheFullRate) {
  const Schedule linear(schedule(ScheduleKind::linear, 0), 1.0, 4, 100);
  EXPECT_DOUBLE_EQ(linear.learning_rate(0), 0.25);
  EXPECT_DOUBLE_EQ(linear.learning_rate(1), 0.5);
  EXPECT_DOUBLE_EQ(linear.learning_rate(3), 1.0);
}

TEST(Schedule, DecaysLinearlyToTheFloor) {
  const Schedule linear(schedule(ScheduleKind::linear, 0.2), 1.0, 10, 110);
  EXPECT_DOUBLE_EQ(linear.learning_rate(10), 1.0);
  EXPECT_DOUBLE_EQ(linear.learning_rate(60), 0.6);
  EXPECT_NEAR(linear.learning_rate(109), 0.208, 1e-12);
}

TEST(Schedule, DecaysByACosineToTheFloor) {
  const Schedule cosine(schedule(ScheduleKind::cosine, 0.2), 1.0, 0, 100);
  EXPECT_DOUBLE_EQ(cosine.learning_rate(0), 1.0);
  // 0.2 + 0.8 (1 + cos(pi / 4)) / 2
  EXPECT_NEAR(cosine.learning_rate(25), 0.88284271247461901, 1e-12);
  EXPECT_DOUBLE_EQ(cosine.learning_rate(50), 0.6);
}

TEST(Schedule, StaysConstantAfterWarmUp) {
  const Schedule constant(schedule(ScheduleKind::constant, 1e-7), 0.5, 2, 10);
  EXPECT_DOUBLE_EQ(constant.learning_rate(0), 0.25);
  EXPECT_DOUBLE_EQ(constant.learning_rate(2), 0.5);
  EXPECT_DOUBLE_EQ(constant.learning_rate(9), 0.5);
}

TEST(Schedule, NeverFallsBelowTheFloorBeyondTheEnd) {
  const Schedule linear(schedule(ScheduleKind::linear, 0.2), 1.0, 0, 10);
  EXPECT_DOUBLE_EQ(linear.learning_rate(10), 0.2);
  EXPECT_DOUBLE_EQ(linear.learning_rate(50), 0.2);
}

}  // namespace
}  // namespace aero::train
