// The program `aero`. It answers at once, because it does not link LibTorch.

#include "aero/core/error.h"
#include "aero/core/text.h"

#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/program.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace aero::cli {

std::optional<std::string> torch_message() {
  return std::nullopt;
}

}  // namespace aero::cli

namespace {

using namespace aero;

/// Whether the command line names a command of aero-torch. The options before a command take no
/// value.
bool needs_torch(std::span<char*> arguments) {
  const auto words = arguments.subspan(std::min<std::size_t>(1, arguments.size()));
  const auto word = std::ranges::find_if(words, [](const char* text) { return text[0] != '-'; });
  if (word == words.end()) return false;
  const auto* const entry = std::ranges::find(cli::commands, *word, &cli::CommandEntry::name);
  return entry != cli::commands.end() && entry->needs_torch;
}

/// Goes on as aero-torch, which lies beside this program.
[[noreturn]] void become_torch(char** argv) {
  const auto program = std::filesystem::canonical("/proc/self/exe").parent_path() / "aero-torch";
  ::execv(program.c_str(), argv);
  throw Error(fmt::format("cannot start '{}': {}; build or install AERO anew", program.string(),
                          std::strerror(errno)));
}

}  // namespace

int main(int argc, char** argv) {
  return cli::run_program(argc, argv, [&](CLI::App& app, ExitCode& /*exit_code*/) {
    if (needs_torch({argv, argv + argc})) become_torch(argv);
    for (const auto& command : cli::commands) {
      if (command.needs_torch) cli::add_command(app, command.name);  // for the help
    }
    cli::add_report(app);
    cli::add_config(app);
  });
}
