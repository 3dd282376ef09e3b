#pragma once

#include "aero/report/private_inference.h"

#include <string>

namespace aero::report {

/// Writes a section of the report for people, with its title.
std::string pi_markdown(const PrivateInference& entry);

}  // namespace aero::report
