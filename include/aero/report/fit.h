#pragma once

#include <string>

namespace aero::report {

/// Markdown whose tables fit lines of `columns` characters (columns_of(), core/terminal.h), for a
/// terminal: cells are wrapped between words, the widest column first. Where that is not enough,
/// the widest columns but the first are left out, and a line below the table names them. 0 columns:
/// the text as it is.
std::string fit_tables(const std::string& markdown, int columns);

}  // namespace aero::report
