#pragma once

#include <string>

namespace aero {

/// Returns the version, as "0.1.0".
std::string version();

}  // namespace aero
