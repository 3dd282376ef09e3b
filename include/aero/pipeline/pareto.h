#pragma once

#include "aero/pipeline/member_result.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Where a model stands in perplexity against one cost.
struct Standing {
  /// Whether no other model is as good in mean perplexity and in cost and better in one of them;
  /// absent where the model has no such cost, or no mean perplexity that compares with the others'.
  std::optional<bool> on_front;
  std::vector<std::string> level;  ///< models that cost no more and are level (paired.h) with it
  bool is_beaten = false;          ///< one that costs no more is better beyond the spread
};

struct Front {
  Standing bytes;
  Standing seconds;
};

/// One entry a member, in their order.
std::vector<Front> fronts(const std::vector<MemberResult>& members);

/// What the rows of a table are sorted by, lowest first; a member without the number, or with one
/// that does not compare with the others', comes last.
enum class Rank { none, perplexity, bytes, seconds };

/// Throws UsageError for another text than perplexity, bytes or seconds; empty: none.
Rank parse_rank(const std::string& text);

void sort_by(Rank rank, std::vector<MemberResult>& members);

/// Of the first cost model; absent without one.
std::optional<double> bytes_of(const MemberResult& member);
std::optional<double> seconds_of(const MemberResult& member);

}  // namespace aero::pipeline
