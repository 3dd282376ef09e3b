#pragma once

#include "aero/cost/forward_pass.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace aero::report {

/// Names an operand: "none", "activation", "weight" or "constant".
std::string operand_name(cost::Operand operand);

/// Writes `count` times the shape of an operation: "144 x [128 x 64 x 128]".
std::string shape_text(const cost::ForwardOperation& operation, std::int64_t count);

/// Writes name, primitive, operand, layer (null outside the blocks), count and shape [m, k, n].
nlohmann::ordered_json forward_json(const cost::ForwardOperation& operation);

}  // namespace aero::report
