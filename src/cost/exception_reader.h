#pragma once

#include "cost_model_description.h"

#include <vector>

namespace aero::cost {

/// Reads "exceptions" of a cost model, whose other formulas are in `book`.
std::vector<Exception> read_exceptions(const CostFile& file, const PrimitiveBook& book,
                                       Faults& faults);

}  // namespace aero::cost
