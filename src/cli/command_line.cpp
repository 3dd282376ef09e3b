#include "cli/command_line.h"

#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <algorithm>
#include <string>
#include <vector>

namespace aero::cli {
namespace {

/// Whether `app` or a command below it has an option of this name that takes a value.
bool takes_value(const CLI::App& app, const std::string& name) {
  const auto* option = app.get_option_no_throw(name);
  if (option != nullptr && option->get_items_expected_max() > 0) return true;
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  return std::ranges::any_of(below,
                             [&](const CLI::App* command) { return takes_value(*command, name); });
}

/// Returns the words after the program's name, last one first, as CLI11 takes them. CLI11 reads
/// "--prompt=" as "--prompt" and takes the next word for its value. An empty word of its own
/// prevents this.
std::vector<std::string> words_of(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool options_end = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    options_end = options_end || word == "--";
    const bool is_empty_value = !options_end && word.starts_with("--") && word.ends_with('=');
    if (is_empty_value && takes_value(app, word.substr(0, word.size() - 1))) {
      word.pop_back();
      words.push_back(std::move(word));
      word.clear();
    }
    words.push_back(std::move(word));
  }
  std::ranges::reverse(words);
  return words;
}

/// The command that the words named: "aero config show".
const CLI::App& named_command(const CLI::App& app) {
  const auto* command = &app;
  for (auto below = app.get_subcommands(); !below.empty(); below = command->get_subcommands()) {
    command = below.front();
  }
  return *command;
}

std::string full_name(const CLI::App& command) {
  const auto* parent = command.get_parent();
  return (parent == nullptr ? "" : full_name(*parent) + " ") + command.get_name();
}

std::vector<std::string> commands_below(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// "--stride", "-q", ... of a command and of those around it.
std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  if (const auto* parent = command.get_parent()) {
    for (auto& name : options_of(*parent)) names.push_back(std::move(name));
  }
  return names;
}

std::string help_hint(const CLI::App& command) {
  return fmt::format("; {} --help shows how to use it", full_name(command));
}

[[noreturn]] void refuse_word(const CLI::App& command, const std::string& word) {
  const std::string shown = shortened(word);
  if (word.starts_with('-') && word.size() > 1) {
    const auto near = nearest(word.substr(0, word.find('=')), options_of(command));
    throw UsageError(fmt::format(
        "{}: {}: there is no such option{}", full_name(command), shown,
        near.empty() ? help_hint(command) : fmt::format(", did you mean \"{}\"?", near)));
  }
  const auto below = commands_below(command);
  if (!below.empty()) {
    throw UsageError(fmt::format("{}: {}: there is no such command{}", full_name(command), shown,
                                 choice_hint(word, below)));
  }
  throw UsageError(
      fmt::format("{}: {}: is one word too many{}", full_name(command), shown, help_hint(command)));
}

/// The first word that CLI11 could not use; empty where it used all of them.
std::string word_without_place(const CLI::App& app) {
  for (const auto& word : app.remaining(/*recurse=*/true)) {
    if (word != "--") return word;
  }
  return "";
}

[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& error) {
  const auto& command = named_command(app);
  if (const auto word = word_without_place(app); !word.empty()) refuse_word(command, word);
  const auto below = commands_below(command);
  if (!below.empty()) {
    throw UsageError(fmt::format("{}: name a command; one of: {}{}", full_name(command),
                                 join(below), help_hint(command)));
  }
  throw UsageError(fmt::format("{}: {}{}", full_name(command), error.what(), help_hint(command)));
}

}  // namespace

void parse_and_run(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(words_of(app, argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) refuse(app, error);
    app.exit(error);  // the help or the version
  }
}

}  // namespace aero::cli
