#pragma once

#include "aero/pipeline/member_result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Whether all runs have ended, finished or not finite.
bool has_ended(const MemberResult& member);

/// Whether the member can be kept: all its runs finished with a finite perplexity.
bool stands(const MemberResult& member);

/// Chooses among the members that stand: the one with the lowest mean perplexity, and the first
/// among equals. Where costs are known, chooses the one with the fewest bytes among those that are
/// level with the lowest.
std::optional<std::size_t> best_of(const std::vector<MemberResult>& members);

/// Whether perplexity is at most (1 + tolerance) times the reference.
bool is_within(double perplexity, double reference, double tolerance);

/// Whether the seeds leave open on which side of that limit the member is.
bool is_level_with_limit(const MemberResult& member, const MemberResult& reference,
                         double tolerance);

/// "2.94 ± 0.01"
std::string perplexity_of(const MemberResult& member);

/// "SM+G +3.20%", "SM+G +0.12% (level)", or "SM not finite (seed 1: step 812, blocks.3, loss)"
std::string against(const MemberResult& member, const MemberResult& reference);

/// "Perplexity 2.94 ± 0.01, the lowest. Against it: SM+G +8.84%.", with a sentence where one seed
/// leaves the spread unknown.
std::string choice_text(const std::vector<MemberResult>& members, std::size_t kept);

/// "no candidate stayed finite: SM+G not finite (...), SM+R not finite (...)"
std::string none_stands_text(const std::vector<MemberResult>& members);

}  // namespace aero::pipeline
