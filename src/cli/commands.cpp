#include "cli/commands.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace aero::cli {

CLI::App* add_command(CLI::App& app, std::string_view name) {
  const auto* const entry = std::ranges::find(commands, name, &CommandEntry::name);
  if (entry == commands.end()) throw std::logic_error("no such command: " + std::string(name));
  return app.add_subcommand(std::string(name), std::string(entry->meaning));
}

}  // namespace aero::cli
