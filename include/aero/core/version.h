#pragma once

#include <string>

namespace aero {

/// "0.1.0"
std::string version();

}  // namespace aero
