#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace aero::cli {

/// Breaks text into lines of at most `columns` and indents all but the first by `indent`; the
/// caller has written the indent of the first. A word that is longer has a line of its own.
std::string wrapped(const std::string& text, int columns, int indent);

/// The width of a page of help in columns: that of the terminal, or 80 without one. It is 100 at
/// most, since longer lines are hard to read.
int page_columns();

/// Formats --help to the width of the terminal: names on the left, their wrapped meanings on the
/// right, or below where the terminal is narrow.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* command) const override;
  std::string make_usage(const CLI::App* command, std::string name) const override;
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override;
};

}  // namespace aero::cli
