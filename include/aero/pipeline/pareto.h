#pragma once

#include "aero/pipeline/sweep_table.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Whether no other model is as good in perplexity and in cost and better in one of them; absent
/// where the model has no mean perplexity or no such cost.
struct Front {
  std::optional<bool> bytes;
  std::optional<bool> seconds;
};

/// One entry a member, in their order.
std::vector<Front> fronts(const std::vector<MemberResult>& members);

/// What the rows of a table are sorted by, lowest first; a member without the number comes last.
enum class Rank { none, perplexity, bytes, seconds };

/// Throws UsageError for another text than perplexity, bytes or seconds; empty: none.
Rank parse_rank(const std::string& text);

void sort_by(Rank rank, std::vector<MemberResult>& members);

/// Of the first cost model; absent without one.
std::optional<double> bytes_of(const MemberResult& member);
std::optional<double> seconds_of(const MemberResult& member);

}  // namespace aero::pipeline
