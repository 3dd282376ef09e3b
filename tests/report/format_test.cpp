#include "aero/report/format.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace aero::report {
namespace {

TEST(Format, SeparatesThousands) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1'000), "1,000");
  EXPECT_EQ(with_thousands(124'439'808), "124,439,808");
  EXPECT_EQ(with_thousands(-100), "-100");
  EXPECT_EQ(with_thousands(-1'234'567), "-1,234,567");
  EXPECT_EQ(with_thousands(std::numeric_limits<std::int64_t>::max()), "9,223,372,036,854,775,807");
}

TEST(Format, ScalesFlopsByThousands) {
  EXPECT_EQ(flops_text(0), "0 FLOPs");
  EXPECT_EQ(flops_text(999), "999 FLOPs");
  EXPECT_EQ(flops_text(1'000), "1.00 kFLOPs");
  EXPECT_EQ(flops_text(14'495'514'624), "14.50 GFLOPs");
  EXPECT_EQ(flops_text(3'000'000'000'000'000'000), "3.00 EFLOPs");
}

TEST(Format, ScalesBytesBy1024) {
  EXPECT_EQ(bytes_text(1'023), "1023 B");
  EXPECT_EQ(bytes_text(1'024), "1.00 KiB");
  EXPECT_EQ(bytes_text(497'759'232), "474.70 MiB");
  EXPECT_EQ(bytes_text(std::int64_t{3} << 30), "3.00 GiB");
}

TEST(Format, TakesTheNextUnitWhereRoundingReachesIt) {
  EXPECT_EQ(flops_text(999'999'999), "1.00 GFLOPs");
  EXPECT_EQ(bytes_text((std::int64_t{1} << 30) - 1), "1.00 GiB");
}

TEST(SecondsText, IsInTheTwoLargestUnits) {
  EXPECT_EQ(seconds_text(0.4), "0 s");
  EXPECT_EQ(seconds_text(59.4), "59 s");
  EXPECT_EQ(seconds_text(59.6), "1 min 00 s");
  EXPECT_EQ(seconds_text(200), "3 min 20 s");
  EXPECT_EQ(seconds_text(7500), "2 h 05 min");
}

TEST(Traffic, IsInUnitsOf1000s) {
  EXPECT_EQ(traffic_text(25.32e9), "25.32 GB");
  EXPECT_EQ(traffic_text(640), "640 B");
}

TEST(Latency, IsInMinutesFrom100SecondsOn) {
  EXPECT_EQ(latency_text(7.314), "7.31 s");
  EXPECT_EQ(latency_text(492.6), "8.21 min");
}

}  // namespace
}  // namespace aero::report
