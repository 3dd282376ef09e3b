#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aero::report {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

/// Rows of text under titles, for people (markdown) and for spreadsheets (CSV).
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// Throws std::invalid_argument where the row has not one cell a column.
  void add_row(std::vector<std::string> cells);

  std::size_t rows() const { return rows_.size(); }

  /// A GitHub-flavoured table, padded so that it also reads well in a terminal. In a cell "|" is
  /// escaped and a line break becomes a space.
  std::string to_markdown() const;

  /// RFC 4180 with "\n" line ends: cells with a comma, a quote or a line break stand in quotes.
  std::string to_csv() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace aero::report
