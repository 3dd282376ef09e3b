#include "four_steps_decision.h"

#include "aero/core/text.h"
#include "aero/pipeline/pareto.h"
#include "aero/pipeline/sweep_statistics.h"

#include "numbers.h"

#include <algorithm>

namespace aero::pipeline {
namespace {

/// Lists every seed that did not end with a finite perplexity.
std::string nonfinite_text(const MemberResult& member) {
  std::string text;
  for (const SeedResult& run : member.runs) {
    const auto& state = run.state;
    const bool finished = state.end == jobs::RunEnd::finished;
    if (finished && spread_of({state.perplexity()}).n == 1) continue;
    text += fmt::format("{}seed {}: {}", text.empty() ? "" : "; ", run.seed,
                        finished          ? "its last evaluation"
                        : state.nonfinite ? describe(*state.nonfinite)
                                          : fmt::format("step {}", state.steps));
  }
  return text;
}

Order order_of(const MemberResult& member, const MemberResult& other) {
  return paired_difference(perplexities(member), perplexities(other)).order();
}

std::optional<std::size_t> lowest_of(const std::vector<MemberResult>& members) {
  std::optional<std::size_t> lowest;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!stands(members[i])) continue;
    if (!lowest || *members[i].perplexity.mean < *members[*lowest].perplexity.mean) lowest = i;
  }
  return lowest;
}

std::string nonfinite_member(const MemberResult& member) {
  return fmt::format("{} not finite ({})", member.name, nonfinite_text(member));
}

}  // namespace

bool has_ended(const MemberResult& member) {
  return std::ranges::none_of(
      member.runs, [](const SeedResult& run) { return run.state.end == jobs::RunEnd::unfinished; });
}

bool stands(const MemberResult& member) {
  return has_ended(member) && !member.runs.empty() && member.perplexity.n == member.runs.size();
}

std::optional<std::size_t> best_of(const std::vector<MemberResult>& members) {
  const auto lowest = lowest_of(members);
  if (!lowest) return std::nullopt;
  std::size_t best = *lowest;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!stands(members[i]) || order_of(members[i], members[*lowest]) != Order::level) continue;
    const auto bytes = bytes_of(members[i]);
    if (bytes && bytes_of(members[best]) && *bytes < *bytes_of(members[best])) best = i;
  }
  return best;
}

bool is_within(double perplexity, double reference, double tolerance) {
  return perplexity <= reference * (1 + tolerance);
}

bool is_level_with_limit(const MemberResult& member, const MemberResult& reference,
                         double tolerance) {
  BySeed limit = perplexities(reference);
  for (auto& [seed, value] : limit) value *= 1 + tolerance;
  return paired_difference(perplexities(member), limit).order() == Order::level;
}

std::string perplexity_of(const MemberResult& member) {
  if (!member.perplexity.mean) return "none";
  const auto mean = perplexity_text(*member.perplexity.mean);
  const auto& deviation = member.perplexity.deviation;
  return deviation ? mean + " ± " + perplexity_text(*deviation) : mean;
}

std::string against(const MemberResult& member, const MemberResult& reference) {
  if (!stands(member)) return nonfinite_member(member);
  const double percent = 100 * (*member.perplexity.mean / *reference.perplexity.mean - 1);
  return fmt::format("{} {}{}", member.name, percent_change(percent),
                     order_of(member, reference) == Order::level ? " (level)" : "");
}

std::string choice_text(const std::vector<MemberResult>& members, std::size_t kept) {
  const auto lowest = lowest_of(members).value_or(kept);
  std::string others;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i != kept) others += (others.empty() ? "" : ", ") + against(members[i], members[kept]);
  }
  const auto perplexity = perplexity_of(members[kept]);
  if (others.empty()) return fmt::format("Perplexity {}.", perplexity);
  const auto rank =
      kept == lowest
          ? "the lowest"
          : fmt::format("level with the lowest, that of {}, at fewer bytes", members[lowest].name);
  const bool is_of_one_seed = members[kept].runs.size() < 2;
  return fmt::format("Perplexity {}, {}. Against it: {}.{}", perplexity, rank, others,
                     is_of_one_seed ? " With one seed, the spread is unknown." : "");
}

std::string none_stands_text(const std::vector<MemberResult>& members) {
  std::string text;
  for (const MemberResult& member : members) {
    text += (text.empty() ? "" : ", ") + nonfinite_member(member);
  }
  return "no candidate stayed finite: " + text;
}

}  // namespace aero::pipeline
