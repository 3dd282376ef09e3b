#include "aero/pipeline/pareto.h"

#include "aero/core/error.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(front[0].bytes, true);
  EXPECT_EQ(front[1].bytes, false);
  EXPECT_EQ(front[2].bytes, true);
  EXPECT_EQ(front[3].bytes, true);
  EXPECT_EQ(front[0].seconds, true);
  EXPECT_EQ(front[1].seconds, true);
  EXPECT_EQ(front[2].seconds, false);
}

TEST(Fronts, AreUnknownWithoutPerplexityOrCost) {
  const auto front = fronts(six());
  EXPECT_EQ(front[4].bytes, std::nullopt);
  EXPECT_EQ(front[5].bytes, std::nullopt);
  EXPECT_EQ(front[5].seconds, std::nullopt);
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

TEST(Rank, RefusesAnotherWord) {
  EXPECT_EQ(parse_rank(""), Rank::none);
  EXPECT_EQ(parse_rank("seconds"), Rank::seconds);
  EXPECT_THROW(parse_rank("speed"), UsageError);
}

}  // namespace
}  // namespace aero::pipeline
