#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace aero::cli {

/// Words in lines of at most `columns`, each behind `indent` columns, which the caller has written
/// before the first. A word that is longer has a line of its own.
std::string wrapped(const std::string& text, int columns, int indent);

/// Columns of a page of help: those of the terminal, 80 elsewhere, and 100 at most, since longer
/// lines are hard to read.
int page_columns();

/// --help in lines that the terminal holds: names on the left, what they mean wrapped on the right,
/// or below where the terminal is narrow.
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
