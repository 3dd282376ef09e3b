#include "aero/report/table.h"

#include "aero/core/text.h"

#include "text_width.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace aero::report {
namespace {

constexpr std::size_t narrowest = 3;  // a rule needs three dashes

std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
    cell += c == '\n' || c == '\r' ? ' ' : is_control ? '?' : c;
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

/// Returns the text that prints a special character of LaTeX; empty for other characters.
std::string_view latex_of(char c) {
  switch (c) {
    case '&':
      return R"(\&)";
    case '%':
      return R"(\%)";
    case '$':
      return R"(\$)";
    case '#':
      return R"(\#)";
    case '_':
      return R"(\_)";
    case '{':
      return R"(\{)";
    case '}':
      return R"(\})";
    case '~':
      return R"(\textasciitilde{})";
    case '^':
      return R"(\textasciicircum{})";
    case '\\':
      return R"(\textbackslash{})";
    case '<':
      return R"(\textless{})";
    case '>':
      return R"(\textgreater{})";
    case '|':
      return R"(\textbar{})";
    case '[':  // these two would belong to the row end before them
      return "{[}";
    case '*':
      return "{*}";
    case '\n':
    case '\r':
      return " ";
    default:
      return "";
  }
}

/// Characters that pdflatex cannot print directly.
constexpr auto latex_symbols = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"±", "$\\pm$"},      {"–", "--"},         {"−", "$-$"},       {"×", "$\\times$"},
     {"≤", "$\\leq$"},     {"≥", "$\\geq$"},    {"→", "$\\to$"},    {"∞", "$\\infty$"},
     {"α", "$\\alpha$"},   {"β", "$\\beta$"},   {"γ", "$\\gamma$"}, {"δ", "$\\delta$"},
     {"ε", "$\\epsilon$"}, {"ζ", "$\\zeta$"},   {"η", "$\\eta$"},   {"θ", "$\\theta$"},
     {"κ", "$\\kappa$"},   {"λ", "$\\lambda$"}, {"μ", "$\\mu$"},    {"ν", "$\\nu$"},
     {"ξ", "$\\xi$"},      {"π", "$\\pi$"},     {"ρ", "$\\rho$"},   {"σ", "$\\sigma$"},
     {"τ", "$\\tau$"},     {"φ", "$\\phi$"},    {"χ", "$\\chi$"},   {"ψ", "$\\psi$"},
     {"ω", "$\\omega$"},   {"Γ", "$\\Gamma$"},  {"Δ", "$\\Delta$"}, {"Λ", "$\\Lambda$"},
     {"Σ", "$\\Sigma$"},   {"Φ", "$\\Phi$"},    {"Ω", "$\\Omega$"}});

std::string_view digits_of(std::string_view text) {
  return text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
}

/// Typesets "R^{128x768}" at the beginning of `text` as the papers do, and sets `length` to the
/// characters read. Returns an empty text for other beginnings.
std::string latex_shape(std::string_view text, std::size_t& length) {
  constexpr std::string_view head = "R^{";
  if (!text.starts_with(head)) return "";
  const auto rows = digits_of(text.substr(head.size()));
  const auto after = text.substr(head.size() + rows.size());
  const auto columns = digits_of(after.substr(std::min<std::size_t>(after.size(), 1)));
  if (rows.empty() || columns.empty() || after[0] != 'x') return "";
  if (!after.substr(1 + columns.size()).starts_with('}')) return "";
  length = head.size() + rows.size() + columns.size() + 2;
  return fmt::format("$\\mathbb{{R}}^{{{}\\times {}}}$", rows, columns);
}

}  // namespace

std::string latex_text(const std::string& text) {
  std::string result;
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t length = 1;
    const auto symbol = std::ranges::find_if(
        latex_symbols, [rest](const auto& entry) { return rest.starts_with(entry.first); });
    const bool is_minus = result.empty() && rest.size() > 1 && rest[0] == '-' &&
                          std::string_view("0123456789.").find(rest[1]) != std::string_view::npos;
    if (is_minus) {
      result += "$-$";
    } else if (symbol != latex_symbols.end()) {
      length = symbol->first.size();
      result += symbol->second;
    } else if (const auto shape = latex_shape(rest, length); !shape.empty()) {
      result += shape;
    } else if (const auto escaped = latex_of(rest.front()); !escaped.empty()) {
      result += escaped;
    } else {
      result += rest.front();
    }
    rest.remove_prefix(length);
  }
  return result;
}

std::string latex_comments(const std::string& lines) {
  std::istringstream stream(lines);
  std::string text;
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) text.append("% ").append(line).append("\n");
  }
  return text;
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size()) {
    throw std::invalid_argument(
        fmt::format("a row of {} cells in a table of {} columns", cells.size(), columns_.size()));
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
    header += fmt::format(" {} |", padded(markdown_cell(title), widths[i], align));
    line += fmt::format(" {} |", rule(widths[i], align));
  }
  std::string text = header + "\n" + line + "\n";
  for (const auto& row : rows_) {
    text += "|";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += fmt::format(" {} |", padded(markdown_cell(row[i]), widths[i], columns_[i].align));
    }
    text += "\n";
  }
  return text;
}

std::string Table::to_latex() const {
  std::vector<std::size_t> filled;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (std::ranges::any_of(rows_, [i](const auto& row) { return !row[i].empty(); })) {
      filled.push_back(i);
    }
  }
  std::string text = "% needs \\usepackage{amssymb,booktabs}\n\\begin{tabular}{";
  for (const std::size_t i : filled) text += columns_[i].align == Align::left ? 'l' : 'r';
  text += "}\n\\toprule\n";
  const auto add_row = [&](const auto& cell_of) {
    for (const std::size_t i : filled) {
      text += (i == filled.front() ? "" : " & ") + latex_text(cell_of(i));
    }
    text += " \\\\\n";
  };
  add_row([this](std::size_t i) { return columns_[i].title; });
  text += "\\midrule\n";
  for (const auto& row : rows_) add_row([&row](std::size_t i) { return row[i]; });
  return text + "\\bottomrule\n\\end{tabular}\n";
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
