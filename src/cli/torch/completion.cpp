#include "aero/config/documentation.h"
#include "aero/core/text.h"
#include "aero/cost/cost_model.h"
#include "aero/cost/network.h"

#include "cli/commands.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

namespace aero::cli {
namespace {

constexpr const char* head = R"sh(# Completes the commands, options and config keys of aero in bash.
_aero() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local commands=() words='' i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == -* ]] || commands+=("${COMP_WORDS[i]}")
  done
  local command=${commands[0]-}
  [[ $command != config ]] || command+=" ${commands[1]-}"
  command=${command% }
  case "$command $before" in
)sh";

constexpr const char* middle = R"sh(    *)
      case "$command" in
)sh";

constexpr const char* tail = R"sh(      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [[ $before != --set ]] || compopt -o nospace
}
complete -o bashdefault -o default -F _aero aero
)sh";

std::vector<const CLI::App*> commands_below(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// The names of a command below `aero`: "config show".
std::string name_of(const CLI::App& command) {
  const auto* const parent = command.get_parent();
  if (parent == nullptr) return "";
  const auto before = name_of(*parent);
  return before.empty() ? command.get_name() : before + " " + command.get_name();
}

std::vector<std::string> long_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// "model.n_layer=" of every key that --set can override.
std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  for (const auto& key : config_help()) {
    const auto name = key.head.substr(0, key.head.find(' '));
    if (name.find('.') != std::string::npos || name == "seed") keys.push_back(name + "=");
  }
  return keys;
}

/// The values that an option can take, as far as they are known beforehand.
std::vector<std::string> values_of(const CLI::Option& option) {
  if (option.get_lnames().empty()) return {};
  const auto& name = option.get_lnames().front();
  if (name == "set") return config_keys();
  if (name == "cost") return cost::CostModel::names();
  if (name == "network") return cost::network_names();
  const auto type = option.get_type_name();
  if (type.find('|') == std::string::npos) return {};
  return CLI::detail::split(type, '|');
}

/// Writes the branches of a command and of those below it: to `values` one for each option that
/// takes known values, to `words` one with the words that can follow the command.
void write_branches(const CLI::App& command, std::string& values, std::string& words) {
  const auto name = name_of(command);
  for (const auto* option : command.get_options()) {
    const auto known = values_of(*option);
    if (known.empty()) continue;
    values += fmt::format("    \"{} --{}\") words='{}' ;;\n", name, option->get_lnames().front(),
                          CLI::detail::join(known, " "));
  }
  std::vector<std::string> here;
  for (const auto* below : commands_below(command)) {
    here.push_back(below->get_name());
    write_branches(*below, values, words);
  }
  for (auto& option : long_names(command)) here.push_back(std::move(option));
  words += fmt::format("        \"{}\") words='{}' ;;\n", name, CLI::detail::join(here, " "));
}

std::string bash_completion(const CLI::App& app) {
  std::string values;
  std::string words;
  write_branches(app, values, words);
  return head + values + middle + words + tail;
}

}  // namespace

void add_completion(CLI::App& app) {
  auto* command = add_command(app, "completion");
  command->footer(
      "Example:\n"
      "  aero completion\n"
      "bash loads the script from ~/.local/share/bash-completion/completions/aero.\n"
      "zsh takes it, too, after `autoload -U bashcompinit && bashcompinit`.");
  command->callback([&app] { std::cout << bash_completion(app); });
}

}  // namespace aero::cli
