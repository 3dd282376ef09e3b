#pragma once

#include "aero/cost/forward_pass.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace aero::report {

/// "none", "activation", "weight" or "constant".
std::string operand_name(cost::Operand operand);

/// "144 x [128 x 64 x 128]", `count` times the shape of the operation.
std::string shape_text(const cost::ForwardOperation& operation, std::int64_t count);

/// name, primitive, operand, layer (null outside the blocks), count, shape [m, k, n].
nlohmann::ordered_json forward_json(const cost::ForwardOperation& operation);

}  // namespace aero::report
