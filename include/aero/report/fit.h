#pragma once

#include <string>

namespace aero::report {

/// Markdown that fits lines of `columns` characters (columns_of(), core/terminal.h), for a
/// terminal: text and cells are wrapped between words, the widest column of a table first. Where
/// that is not enough, a table keeps its first column and, from left to right, each that has room
/// beside those kept; a line below it names the others. 0 columns: the text as it is.
std::string fit_tables(const std::string& markdown, int columns);

}  // namespace aero::report
