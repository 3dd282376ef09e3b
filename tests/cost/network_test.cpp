#include "aero/cost/network.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace aero::cost {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

/// Loads a text as the file own.json, and gives the faults that it tells.
std::string faults(const std::string& text) {
  const auto folder = std::filesystem::path(testing::TempDir()) /
                      testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::create_directories(folder);
  const auto file = folder / "own.json";
  std::ofstream(file) << text;
  try {
    load_network(file.string());
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Network, ShipsThreeLines) {
  EXPECT_THAT(network_names(), ElementsAre("lan", "mobile", "wan"));
  for (const std::string& name : network_names()) EXPECT_EQ(load_network(name).name, name);
}

TEST(Network, KnowsThePapersWan) {
  const Network wan = load_network("wan");
  EXPECT_DOUBLE_EQ(wan.bits_per_second, 100e6);
  EXPECT_DOUBLE_EQ(wan.round_trip_seconds, 0.080);
  EXPECT_THAT(wan.source, HasSubstr("arXiv:2501.03489"));
}

TEST(Network, ReadsAFileOfOnesOwn) {
  EXPECT_EQ(faults(R"({"name": "own", "bandwidth": {"value": 2.5, "unit": "Gbit/s"},
                       "round_trip": {"value": 30, "unit": "us"}, "source": "measured"})"),
            "");
}

TEST(Network, TellsEveryFaultWithItsKey) {
  const std::string told = faults(R"({"name": "mine", "bandwith": 1,
      "bandwidth": {"value": -3, "unit": "Mbit/s"}, "round_trip": {"value": 1, "unit": "min"}})");
  EXPECT_THAT(told, HasSubstr("own.json: name: \"mine\": the file is called own"));
  EXPECT_THAT(told, HasSubstr("bandwith: 1: unknown key, did you mean \"bandwidth\"?"));
  EXPECT_THAT(told, HasSubstr("bandwidth.value: -3: expected more than 0"));
  EXPECT_THAT(told, HasSubstr("round_trip.unit: \"min\": unknown unit"));
  EXPECT_THAT(told, HasSubstr("source: missing"));
}

TEST(Network, TakesNoUnitOfBytes) {
  EXPECT_THAT(faults(R"({"name": "own", "bandwidth": {"value": 1, "unit": "MB/s"},
                         "round_trip": {"value": 1, "unit": "ms"}, "source": "x"})"),
              HasSubstr("bandwidth.unit: \"MB/s\": unknown unit"));
}

TEST(Network, ListsTheKnownNames) {
  try {
    load_network("wam");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("network \"wam\": unknown name, did you mean \"wan\"? one "
                                        "of: lan, mobile, wan; name a file of your own"));
  }
}

}  // namespace
}  // namespace aero::cost
