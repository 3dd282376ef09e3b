#pragma once

#include "aero/report/private_inference.h"

#include <string>

namespace aero::report {

/// A section of the report for people, its title included.
std::string pi_markdown(const PrivateInference& entry);

}  // namespace aero::report
