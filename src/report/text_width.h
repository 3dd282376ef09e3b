#pragma once

#include "aero/report/align.h"

#include <cstddef>
#include <string>

namespace aero::report {

/// Returns the columns that UTF-8 text takes on a terminal.
std::size_t width_of(const std::string& text);

/// Fills a text up with blanks.
std::string padded(const std::string& text, std::size_t width, Align align);

/// Returns the dashes below a title, with a colon if the column is aligned to the right.
std::string rule(std::size_t width, Align align);

}  // namespace aero::report
