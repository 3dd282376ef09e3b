#pragma once

#include "aero/report/align.h"

#include <cstddef>
#include <string>
#include <vector>

namespace aero::report {

struct Column {
  std::string title;
  Align align = Align::left;
};

/// Escapes the special characters of a text for LaTeX.
std::string latex_text(const std::string& text);

/// Makes each line that is not empty a comment of LaTeX.
std::string latex_comments(const std::string& lines);

/// Rows of text under titles, for people (markdown), papers (LaTeX) and spreadsheets (CSV).
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// Throws std::invalid_argument if the row does not have one cell for each column.
  void add_row(std::vector<std::string> cells);

  std::size_t rows() const { return rows_.size(); }

  /// Writes a GitHub-flavoured table, padded so that it also reads well in a terminal. In a cell,
  /// "|" is escaped and a line break becomes a space.
  std::string to_markdown() const;

  /// Writes a tabular with the rules of the package booktabs, without empty columns.
  std::string to_latex() const;

  /// Writes CSV (RFC 4180) with "\n" line ends: cells with a comma, a quote or a line break are
  /// quoted.
  std::string to_csv() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace aero::report
