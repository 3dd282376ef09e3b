#pragma once

#include <string>

namespace aero {

/// A value given on the command line: "train.batch_size=8".
using Override = std::string;

}  // namespace aero
