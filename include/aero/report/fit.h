#pragma once

#include <string>

namespace aero::report {

/// Fits markdown into lines of `columns` characters (columns_of(), core/terminal.h), for a
/// terminal. Text and cells are wrapped between words, and the widest column of a table first. If
/// that is not enough, a table keeps its first column and, from left to right, every further column
/// that has room; a line below the table names the columns left out. With 0 columns the text stays
/// as it is.
std::string fit_tables(const std::string& markdown, int columns);

}  // namespace aero::report
