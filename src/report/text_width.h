#pragma once

#include "aero/report/align.h"

#include <cstddef>
#include <string>

namespace aero::report {

/// Characters that a terminal shows for UTF-8 text, one a code point.
std::size_t width_of(const std::string& text);

/// Filled up with blanks.
std::string padded(const std::string& text, std::size_t width, Align align);

/// The dashes below a title, with a colon where the column stands to the right.
std::string rule(std::size_t width, Align align);

}  // namespace aero::report
