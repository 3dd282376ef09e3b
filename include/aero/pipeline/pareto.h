#pragma once

#include "aero/pipeline/member_result.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// How a model stands among others in perplexity and one cost.
struct Standing {
  /// Whether no other model is at least as good in both mean perplexity and cost and better in one.
  /// Absent where the model has no such cost, or no mean perplexity that compares with the others'.
  std::optional<bool> on_front;
  std::vector<std::string> level;  ///< models that cost no more and are level in perplexity
  bool is_beaten = false;          ///< a model that costs no more is better beyond the spread
};

struct Front {
  Standing bytes;
  Standing seconds;
};

/// Returns one entry for each member, in their order.
std::vector<Front> fronts(const std::vector<MemberResult>& members);

/// The number by which a table's rows are sorted, lowest first. A member without it, or with one
/// that does not compare with the others', comes last.
enum class Rank { none, perplexity, bytes, seconds };

/// Reads perplexity, bytes or seconds; an empty text means none. Throws UsageError for another
/// text.
Rank parse_rank(const std::string& text);

void sort_by(Rank rank, std::vector<MemberResult>& members);

/// The cost by the member's first cost model; absent without one.
std::optional<double> bytes_of(const MemberResult& member);
std::optional<double> seconds_of(const MemberResult& member);

}  // namespace aero::pipeline
