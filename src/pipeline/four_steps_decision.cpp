#include "four_steps_decision.h"

#include "numbers.h"
#include <algorithm>

namespace aero::pipeline {
namespace {

/// Of every seed that did not come to a finite end.
std::string nonfinite_text(const MemberResult& member) {
  std::string text;
  for (const SeedResult& run : member.runs) {
    const auto& state = run.state;
    const bool finished = state.end == RunEnd::finished;
    if (finished && spread_of({state.perplexity()}).n == 1) continue;
    text += (text.empty() ? "" : "; ") + std::string("seed ") + std::to_string(run.seed) + ": " +
            (finished          ? "its last evaluation"
             : state.nonfinite ? describe(*state.nonfinite)
                               : "step " + std::to_string(state.steps));
  }
  return text;
}

std::string nonfinite_member(const MemberResult& member) {
  return member.name + " not finite (" + nonfinite_text(member) + ")";
}

}  // namespace

bool has_ended(const MemberResult& member) {
  return std::ranges::none_of(
      member.runs, [](const SeedResult& run) { return run.state.end == RunEnd::unfinished; });
}

bool stands(const MemberResult& member) {
  return has_ended(member) && !member.runs.empty() && member.perplexity.n == member.runs.size();
}

std::optional<std::size_t> best_of(const std::vector<MemberResult>& members) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!stands(members[i])) continue;
    if (!best || *members[i].perplexity.mean < *members[*best].perplexity.mean) best = i;
  }
  return best;
}

bool is_within(double perplexity, double reference, double tolerance) {
  return perplexity <= reference * (1 + tolerance);
}

std::string perplexity_of(const MemberResult& member) {
  if (!member.perplexity.mean) return "none";
  const auto mean = perplexity_text(*member.perplexity.mean);
  const auto& deviation = member.perplexity.deviation;
  return deviation ? mean + " ± " + perplexity_text(*deviation) : mean;
}

std::string against(const MemberResult& member, const MemberResult& reference) {
  if (!stands(member)) return nonfinite_member(member);
  return member.name + " " +
         percent_change(100 * (*member.perplexity.mean / *reference.perplexity.mean - 1));
}

std::string choice_text(const std::vector<MemberResult>& members, std::size_t kept) {
  std::string others;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i != kept) others += (others.empty() ? "" : ", ") + against(members[i], members[kept]);
  }
  return "Perplexity " + perplexity_of(members[kept]) +
         (others.empty() ? "." : ", the lowest. Against it: " + others + ".");
}

std::string none_stands_text(const std::vector<MemberResult>& members) {
  std::string text;
  for (const MemberResult& member : members) {
    text += (text.empty() ? "" : ", ") + nonfinite_member(member);
  }
  return "nothing that was tried stayed finite: " + text;
}

}  // namespace aero::pipeline
