#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Returns the columns that UTF-8 text takes on a terminal: two for a character of East Asian
/// scripts or an emoji, none for a combining mark, one for all else, also for a byte that is not
/// UTF-8.
int display_width(std::string_view text);

/// Returns the longest beginning of `text` that takes at most `columns` columns, as one line:
/// control characters become "?".
std::string fitted(std::string_view text, int columns);

/// Breaks `text` into lines of at most `columns` columns, and into at least one line. It breaks
/// only between words: a wider word gets a line of its own.
std::vector<std::string> wrapped(std::string_view text, int columns);

}  // namespace aero
