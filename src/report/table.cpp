#include "aero/report/table.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace aero::report {
namespace {

constexpr std::size_t narrowest = 3;  // a rule needs three dashes

/// Characters that a terminal shows for UTF-8 text, one a code point.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & '\xC0') != '\x80'; }));
}

std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' || c == '\r' ? ' ' : c;
  }
  return cell;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return align == Align::left ? text + space : space + text;
}

std::string rule(std::size_t width, Align align) {
  return align == Align::left ? std::string(width, '-') : std::string(width - 1, '-') + ":";
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size()) {
    throw std::invalid_argument("a row of " + std::to_string(cells.size()) +
                                " cells in a table of " + std::to_string(columns_.size()) +
                                " columns");
  }
  rows_.push_back(std::move(cells));
}

std::string Table::to_markdown() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = std::max(narrowest, width_of(markdown_cell(columns_[i].title)));
    for (const auto& row : rows_) width = std::max(width, width_of(markdown_cell(row[i])));
    widths.push_back(width);
  }
  std::string header = "|";
  std::string line = "|";
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto& [title, align] = columns_[i];
    header += " " + padded(markdown_cell(title), widths[i], align) + " |";
    line += " " + rule(widths[i], align) + " |";
  }
  std::string text = header + "\n" + line + "\n";
  for (const auto& row : rows_) {
    text += "|";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += " " + padded(markdown_cell(row[i]), widths[i], columns_[i].align) + " |";
    }
    text += "\n";
  }
  return text;
}

std::string Table::to_csv() const {
  std::string text;
  const auto add_cell = [&text](std::size_t i, const std::string& cell) {
    if (i > 0) text += ',';
    text += csv_cell(cell);
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) add_cell(i, columns_[i].title);
  text += '\n';
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) add_cell(i, row[i]);
    text += '\n';
  }
  return text;
}

}  // namespace aero::report
