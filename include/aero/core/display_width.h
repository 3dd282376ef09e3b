#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Columns that a terminal gives to UTF-8 text: two to a character of East Asian scripts and to an
/// emoji, none to combining marks, one to all else, also to a byte that is no UTF-8.
int display_width(std::string_view text);

/// The longest beginning of `text` that has no more than `columns` columns, as one line: control
/// characters become "?".
std::string fitted(std::string_view text, int columns);

/// `text` as lines of no more than `columns` columns, broken between words alone: a word that is
/// wider has a line of its own. At least one line.
std::vector<std::string> wrapped(std::string_view text, int columns);

}  // namespace aero
