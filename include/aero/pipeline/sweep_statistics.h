#pragma once

#include "aero/pipeline/member_result.h"
#include "aero/pipeline/pricing.h"
#include "aero/pipeline/sweep.h"

#include <vector>

namespace aero::pipeline {

Spread spread_of(const std::vector<double>& values);

/// Returns the finite perplexities of the finished runs, by seed.
BySeed perplexities(const MemberResult& member);

/// Reads all run folders of a sweep as they are, and charges the members by the sweep's own
/// pricing.
SweepResult collect(const Sweep& sweep);

/// Charges members by another cost model or network.
void charge(std::vector<MemberResult>& members, const Pricing& pricing);

}  // namespace aero::pipeline
