#include "aero/pipeline/pareto.h"

#include "aero/core/error.h"
#include "aero/pipeline/sweep_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {
namespace {

MemberResult member(const std::string& name, std::optional<double> perplexity,
                    std::optional<double> bytes, std::optional<double> seconds) {
  MemberResult result{};
  result.name = name;
  result.perplexity.mean = perplexity;
  if (bytes) {
    cost::PiCost cost;
    cost.comm_bytes = *bytes;
    cost.latency_seconds = seconds;
    result.report.pi.push_back({.pass = "whole context", .cost = cost, .sensitivities = {}});
  }
  return result;
}

/// b is beaten by a in bytes, by none in seconds; d equals a; e diverged; f is not charged.
std::vector<MemberResult> six() {
  return {member("a", 10, 100, 30), member("b", 11, 100, 20), member("c", 12, 50, 25),
          member("d", 10, 100, 30), member("e", {}, 1, 1),    member("f", 9, {}, {})};
}

TEST(Fronts, HoldWhatNoOtherBeatsInBoth) {
  const auto front = fronts(six());
  EXPECT_EQ(front[0].bytes.on_front, true);
  EXPECT_EQ(front[1].bytes.on_front, false);
  EXPECT_EQ(front[2].bytes.on_front, true);
  EXPECT_EQ(front[3].bytes.on_front, true);
  EXPECT_EQ(front[0].seconds.on_front, true);
  EXPECT_EQ(front[1].seconds.on_front, true);
  EXPECT_EQ(front[2].seconds.on_front, false);
}

TEST(Fronts, AreUnknownWithoutPerplexityOrCost) {
  const auto front = fronts(six());
  EXPECT_EQ(front[4].bytes.on_front, std::nullopt);
  EXPECT_EQ(front[5].bytes.on_front, std::nullopt);
  EXPECT_EQ(front[5].seconds.on_front, std::nullopt);
}

/// Perplexities of seeds 1, 2, ...
MemberResult by_seed(const std::string& name, const std::vector<double>& perplexities,
                     double bytes) {
  auto result = member(name, spread_of(perplexities).mean, bytes, bytes);
  for (std::size_t i = 0; i < perplexities.size(); ++i) {
    jobs::RunState state;
    state.end = jobs::RunEnd::finished;
    state.evaluations = {{1, std::log(perplexities[i]), {}}};
    result.runs.push_back({static_cast<std::int64_t>(i) + 1, "", state});
  }
  return result;
}

using testing::ElementsAre;
using testing::IsEmpty;

// t is 4.303 for three seeds. b - a is 0.2, 0.3, 0.1: 0.2 +- 0.248, level though the seeds of each
// are 20 apart. c - a is 1.0, 1.1, 0.9: 1 +- 0.248. d is as dear as a, 0.1 +- 0.025 above it.
TEST(Fronts, NameMembersThatAreLevelWithinTheSpread) {
  const auto front =
      fronts({by_seed("a", {10, 20, 30}, 100), by_seed("b", {10.2, 20.3, 30.1}, 50),
              by_seed("c", {11, 21.1, 30.9}, 40), by_seed("d", {10.1, 20.11, 30.09}, 100)});
  EXPECT_EQ(front[0].bytes.on_front, true);
  EXPECT_THAT(front[0].bytes.level, ElementsAre("b"));
  EXPECT_THAT(front[1].bytes.level, IsEmpty());
  EXPECT_FALSE(front[1].bytes.is_beaten);
  EXPECT_THAT(front[2].bytes.level, IsEmpty());
  EXPECT_EQ(front[3].bytes.on_front, false);
  EXPECT_TRUE(front[3].bytes.is_beaten);
  EXPECT_THAT(front[3].seconds.level, ElementsAre("b"));
}

TEST(Fronts, SayNothingOfTheSpreadOfOneSeed) {
  const auto front = fronts({by_seed("a", {10}, 100), by_seed("b", {11}, 100)});
  EXPECT_EQ(front[1].bytes.on_front, false);
  EXPECT_THAT(front[1].bytes.level, IsEmpty());
  EXPECT_FALSE(front[1].bytes.is_beaten);
}

std::string sorted(Rank rank) {
  auto members = six();
  sort_by(rank, members);
  std::string names;
  for (const auto& each : members) names += each.name;
  return names;
}

TEST(Rank, SortsFromTheLowestAndKeepsTheOrderOfEquals) {
  EXPECT_EQ(sorted(Rank::none), "abcdef");
  EXPECT_EQ(sorted(Rank::perplexity), "fadbce");
  EXPECT_EQ(sorted(Rank::bytes), "ecabdf");
  EXPECT_EQ(sorted(Rank::seconds), "ebcadf");
}

TEST(Fronts, AndRanksLeaveOutWhatDoesNotCompare) {
  std::vector<MemberResult> members{by_seed("a", {9, 10}, 50), by_seed("b", {10, 9}, 100)};
  members[0].measured_otherwise = {{"model.context", "64"}};
  const auto front = fronts(members);
  EXPECT_EQ(front[0].bytes.on_front, std::nullopt);
  EXPECT_EQ(front[1].bytes.on_front, true);
  EXPECT_THAT(front[0].bytes.level, IsEmpty());
  EXPECT_THAT(front[1].bytes.level, IsEmpty());
  sort_by(Rank::perplexity, members);
  EXPECT_EQ(members.back().name, "a");
}

TEST(Rank, RefusesAnotherWord) {
  EXPECT_EQ(parse_rank(""), Rank::none);
  EXPECT_EQ(parse_rank("seconds"), Rank::seconds);
  EXPECT_THROW(parse_rank("speed"), UsageError);
}

}  // namespace
}  // namespace aero::pipeline
