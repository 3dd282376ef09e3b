#include "aero/report/fit.h"

#include "aero/core/display_width.h"
#include "aero/core/text.h"

#include "text_width.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace aero::report {
namespace {

using Cells = std::vector<std::string>;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Cuts "| a | b |" into its cells; "\|" is part of a cell.
Cells cells_of(const std::string& line) {
  Cells cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '|' && line[i - 1] != '\\') {
      const auto first = std::min(cell.find_first_not_of(' '), cell.size());
      cells.push_back(cell.substr(first, cell.find_last_not_of(' ') + 1 - first));
      cell.clear();
    } else {
      cell += line[i];
    }
  }
  return cells;
}

/// Wraps a line of text outside tables. The text after "- " stays to the right of it.
std::string wrapped_line(const std::string& line, std::size_t columns) {
  if (width_of(line) <= columns) return line + "\n";
  const auto start = std::min(line.find_first_not_of(' '), line.size());
  const std::string indent(line.compare(start, 2, "- ") == 0 ? start + 2 : start, ' ');
  const auto room = std::max(columns, indent.size() + 1) - indent.size();
  std::string text = line.substr(0, indent.size());
  for (const std::string& part : wrapped(line.substr(indent.size()), static_cast<int>(room))) {
    text.append(text.ends_with('\n') ? indent : "").append(part).append("\n");
  }
  return text;
}

/// A table of markdown: a line of titles, a rule, and rows.
class MarkdownTable {
 public:
  explicit MarkdownTable(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) rows_.push_back(cells_of(line));
    const Cells rules = rows_.size() > 1 ? rows_[1] : Cells();
    for (const std::string& rule : rules) is_right_.push_back(rule.ends_with(':'));
    if (rows_.size() > 1) rows_.erase(rows_.begin() + 1);
  }

  /// Whether every row has a cell for each column.
  bool is_whole() const {
    return !is_right_.empty() && std::ranges::all_of(rows_, [this](const Cells& row) {
      return row.size() == is_right_.size();
    });
  }

  std::string fitted(std::size_t columns) {
    const std::string left_out = leave_out(columns);
    shrink(columns);
    std::string text = row_text(rows_.front()) + rule_text();
    for (std::size_t i = 1; i < rows_.size(); ++i) text += row_text(rows_[i]);
    if (left_out.empty()) return text;
    return text +
           wrapped_line(fmt::format("(too narrow for: {}; --wide prints all)", left_out), columns);
  }

 private:
  static constexpr std::size_t narrowest = 3;  // a rule needs three dashes

  /// Returns the width of a table whose columns have these widths.
  static std::size_t total(const std::vector<std::size_t>& widths) {
    return std::accumulate(widths.begin(), widths.end(), 1 + 3 * widths.size());
  }

  template <class Width>
  std::size_t widest(std::size_t column, Width width_of_cell) const {
    std::size_t width = narrowest;
    for (const Cells& row : rows_) width = std::max(width, width_of_cell(row[column]));
    return width;
  }

  /// Returns the width that a column needs so that no word is broken.
  std::size_t least(std::size_t column) const {
    return widest(column, [](const std::string& cell) {
      std::size_t width = 0;
      for (const std::string& word : words_of(cell)) width = std::max(width, width_of(word));
      return width;
    });
  }

  /// Keeps the first column and, from left to right, every further column whose words fit. Returns
  /// the titles of the others.
  std::string leave_out(std::size_t columns) {
    std::string titles;
    std::vector<std::size_t> needs{least(0)};
    kept_ = {0};
    for (std::size_t column = 1; column < is_right_.size(); ++column) {
      needs.push_back(least(column));
      if (total(needs) <= columns) {
        kept_.push_back(column);
      } else {
        needs.pop_back();
        titles += (titles.empty() ? "" : ", ") + rows_.front()[column];
      }
    }
    return titles;
  }

  void shrink(std::size_t columns) {
    widths_.clear();
    for (const std::size_t column : kept_) widths_.push_back(widest(column, width_of));
    while (total(widths_) > columns) {
      std::size_t most = kept_.size();
      for (std::size_t i = 0; i < kept_.size(); ++i) {
        const bool can_shrink = widths_[i] > least(kept_[i]);
        if (can_shrink && (most == kept_.size() || widths_[i] > widths_[most])) most = i;
      }
      if (most == kept_.size()) return;
      --widths_[most];
    }
  }

  std::string row_text(const Cells& row) const {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      cells.push_back(wrapped(row[kept_[i]], static_cast<int>(widths_[i])));
      height = std::max(height, cells.back().size());
    }
    std::string text;
    for (std::size_t line = 0; line < height; ++line) {
      text += "|";
      for (std::size_t i = 0; i < kept_.size(); ++i) {
        const auto align = is_right_[kept_[i]] ? Align::right : Align::left;
        const std::string part = line < cells[i].size() ? cells[i][line] : "";
        text += " " + padded(part, widths_[i], align) + " |";
      }
      text += "\n";
    }
    return text;
  }

  std::string rule_text() const {
    std::string text = "|";
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      text += " " + rule(widths_[i], is_right_[kept_[i]] ? Align::right : Align::left) + " |";
    }
    return text + "\n";
  }

  std::vector<Cells> rows_;  ///< the titles first
  std::vector<bool> is_right_;
  std::vector<std::size_t> kept_;  ///< columns that are printed
  std::vector<std::size_t> widths_;
};

std::string fitted(const std::vector<std::string>& lines, std::size_t columns) {
  const bool fits = std::ranges::all_of(
      lines, [columns](const std::string& line) { return width_of(line) <= columns; });
  MarkdownTable table(lines);
  if (!fits && table.is_whole()) return table.fitted(columns);
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\n");
  return text;
}

}  // namespace

std::string fit_tables(const std::string& markdown, int columns) {
  if (columns <= 0) return markdown;
  const auto width = static_cast<std::size_t>(columns);
  std::string text;
  std::vector<std::string> table;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('|')) {
      table.push_back(line);
      continue;
    }
    if (!table.empty()) text += fitted(table, width);
    table.clear();
    text += wrapped_line(line, width);
  }
  return table.empty() ? text : text + fitted(table, width);
}

}  // namespace aero::report
