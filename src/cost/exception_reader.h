#pragma once

#include "cost_model_description.h"

#include <vector>

namespace aero::cost {

/// Reads "exceptions" of a cost model. `book` has its other formulas.
std::vector<Exception> read_exceptions(const CostFile& file, const PrimitiveBook& book,
                                       Faults& faults);

}  // namespace aero::cost
