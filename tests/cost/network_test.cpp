#include "aero/cost/network.h"

#include "aero/core/error.h"

#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace aero::cost {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

/// Loads a text as the file own.json, and returns the faults that are reported.
std::string faults(const std::string& text) {
  const testing_support::TemporaryFolder folder;
  const auto file = folder.path() / "own.json";
  testing_support::put(file, text);
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

TEST(Network, ReportsEveryFaultWithItsKey) {
  const std::string reported = faults(R"({"name": "mine", "bandwith": 1,
      "bandwidth": {"value": -3, "unit": "Mbit/s"}, "round_trip": {"value": 1, "unit": "min"}})");
  EXPECT_THAT(reported, HasSubstr("own.json: name: \"mine\": the file is called own"));
  EXPECT_THAT(reported, HasSubstr("bandwith: 1: unknown key, did you mean \"bandwidth\"?"));
  EXPECT_THAT(reported, HasSubstr("bandwidth.value: -3: expected more than 0"));
  EXPECT_THAT(reported, HasSubstr("round_trip.unit: \"min\": unknown unit"));
  EXPECT_THAT(reported, HasSubstr("source: missing"));
}

TEST(Network, ReportsARepeatedKeyOnce) {
  const std::string reported =
      faults(R"({"name": "own", "source": "measured", "round_trip": {"value": 1, "unit": "s"},
                 "bandwidth": {"value": 1, "value": 2, "unit": "bit/s"}})");
  EXPECT_THAT(reported, HasSubstr("bandwidth.value: 2: this key stands here twice; keep one"));
  EXPECT_EQ(reported.find("twice"), reported.rfind("twice"));
}

TEST(Network, ExtendsAnother) {
  const testing_support::TemporaryFolder folder;
  const auto file = folder.path() / "far.json";
  testing_support::put(file, R"({"extends": "wan", "name": "far", "source": "assumed",
                                 "round_trip": {"value": 200, "unit": "ms"}})");
  const Network network = load_network(file.string());
  EXPECT_DOUBLE_EQ(network.bits_per_second, 100e6);
  EXPECT_DOUBLE_EQ(network.round_trip_seconds, 0.2);
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
