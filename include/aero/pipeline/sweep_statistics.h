#pragma once

#include "aero/pipeline/member_result.h"
#include "aero/pipeline/pricing.h"
#include "aero/pipeline/sweep.h"

#include <vector>

namespace aero::pipeline {

Spread spread_of(const std::vector<double>& values);

/// The finite perplexities of the runs that finished.
BySeed perplexities(const MemberResult& member);

/// Reads all run folders of a sweep as they are now, charged as the sweep itself says.
SweepResult collect(const Sweep& sweep);

/// Charges members anew, by another cost model or network.
void charge(std::vector<MemberResult>& members, const Pricing& pricing);

}  // namespace aero::pipeline
