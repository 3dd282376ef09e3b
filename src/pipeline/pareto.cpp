#include "aero/pipeline/pareto.h"

#include "aero/core/error.h"
#include "aero/pipeline/sweep_statistics.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace aero::pipeline {
namespace {

using CostOf = std::optional<double> (*)(const MemberResult&);

/// The mean perplexity; nothing where the model has none that compares with the others'.
std::optional<double> perplexity_of(const MemberResult& member) {
  return member.measured_otherwise.empty() ? member.perplexity.mean : std::nullopt;
}

bool beats(const MemberResult& a, const MemberResult& b, CostOf cost) {
  if (!perplexity_of(a) || !cost(a)) return false;
  const double quality = *perplexity_of(a) - *perplexity_of(b);
  const double price = *cost(a) - *cost(b);
  return quality <= 0 && price <= 0 && (quality < 0 || price < 0);
}

Standing standing(const std::vector<MemberResult>& members, const MemberResult& member,
                  CostOf cost) {
  Standing result;
  if (!perplexity_of(member) || !cost(member)) return result;
  result.on_front = std::ranges::none_of(
      members, [&](const MemberResult& other) { return beats(other, member, cost); });
  const auto seeds = perplexities(member);
  for (const MemberResult& other : members) {
    if (&other == &member || !perplexity_of(other)) continue;
    if (!cost(other) || *cost(other) > *cost(member)) continue;
    const auto order = paired_difference(perplexities(other), seeds).order();
    if (order == Order::level) result.level.push_back(other.name);
    if (order == Order::lower) result.is_beaten = true;
  }
  return result;
}

}  // namespace

std::optional<double> bytes_of(const MemberResult& member) {
  if (member.report.pi.empty()) return std::nullopt;
  return member.report.pi.front().cost.comm_bytes;
}

std::optional<double> seconds_of(const MemberResult& member) {
  if (member.report.pi.empty()) return std::nullopt;
  return member.report.pi.front().cost.latency_seconds;
}

std::vector<Front> fronts(const std::vector<MemberResult>& members) {
  std::vector<Front> list;
  list.reserve(members.size());
  for (const MemberResult& member : members) {
    list.push_back({standing(members, member, bytes_of), standing(members, member, seconds_of)});
  }
  return list;
}

Rank parse_rank(const std::string& text) {
  if (text.empty()) return Rank::none;
  if (text == "perplexity") return Rank::perplexity;
  if (text == "bytes") return Rank::bytes;
  if (text == "seconds") return Rank::seconds;
  throw UsageError("--rank: " + text + ": expected perplexity, bytes or seconds");
}

void sort_by(Rank rank, std::vector<MemberResult>& members) {
  if (rank == Rank::none) return;
  const auto key = [rank](const MemberResult& member) {
    const auto value = rank == Rank::perplexity ? perplexity_of(member)
                       : rank == Rank::bytes    ? bytes_of(member)
                                                : seconds_of(member);
    return value.value_or(std::numeric_limits<double>::infinity());
  };
  std::ranges::stable_sort(members, {}, key);
}

}  // namespace aero::pipeline
