#include "cli/help_formatter.h"

#include "aero/core/display_width.h"
#include "aero/core/terminal.h"

#include <unistd.h>

#include <algorithm>

namespace aero::cli {
namespace {

constexpr int name_columns = 24;  // of the left column, with its indent

std::string spaces(int count) {
  return std::string(static_cast<std::size_t>(count), ' ');
}

/// Writes "  name      meaning". The meaning goes below the name where there is no room beside it.
std::string entry(const std::string& name, const std::string& meaning) {
  const int columns = page_columns();
  const int indent = columns < 2 * name_columns ? 4 : name_columns;
  const std::string head = "  " + wrapped(name, columns, 4);
  const bool is_one_line = head.find('\n') == std::string::npos;
  const int room = is_one_line ? indent - display_width(head) : 0;
  return head + (room > 0 ? spaces(room) : "\n" + spaces(indent)) +
         wrapped(meaning, columns, indent) + "\n";
}

std::string meaning_of(const CLI::Option& option) {
  std::string meaning = option.get_description();
  if (!option.get_default_str().empty()) meaning += " (default " + option.get_default_str() + ")";
  for (const auto* needed : option.get_needs()) meaning += " (with " + needed->get_name() + ")";
  return meaning;
}

}  // namespace

int page_columns() {
  constexpr int usual = 80;
  constexpr int least = 20;
  constexpr int most = 100;
  const int columns = columns_of(STDOUT_FILENO);
  return columns == 0 ? usual : std::clamp(columns, least, most);
}

std::string wrapped(const std::string& text, int columns, int indent) {
  const auto lines = aero::wrapped(text, columns - indent);
  std::string result = lines.front();
  for (std::size_t i = 1; i < lines.size(); ++i) result += "\n" + spaces(indent) + lines[i];
  return result;
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = make_option_name(option, is_positional);
  const bool takes_value = !is_positional && option->get_items_expected_max() > 0;
  if (takes_value) name += " " + option->get_type_name();
  if (option->get_items_expected_max() >= CLI::detail::expected_max_vector_size &&
      option->get_allow_extra_args()) {
    name += " ...";
  }
  return entry(name, meaning_of(*option));
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return entry(command->get_name(), command->get_description());
}

std::string HelpFormatter::make_description(const CLI::App* command) const {
  const std::string text = command->get_description();
  return text.empty() ? "" : wrapped(text, page_columns(), 0) + "\n";
}

std::string HelpFormatter::make_usage(const CLI::App* command, std::string name) const {
  const std::string usage = Formatter::make_usage(command, std::move(name));
  return wrapped(usage, page_columns(), 0) + "\n";
}

std::string HelpFormatter::make_group(std::string group, bool is_positional,
                                      std::vector<const CLI::Option*> options) const {
  std::string text = "\n" + group + ":\n";
  for (const auto* option : options) text += make_option(option, is_positional);
  return text;
}

}  // namespace aero::cli
