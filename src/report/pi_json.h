#pragma once

#include "aero/report/private_inference.h"

#include <nlohmann/json.hpp>

namespace aero::report {

/// Writes an entry of "pi" in the report's JSON.
nlohmann::ordered_json pi_json(const PrivateInference& entry);

}  // namespace aero::report
