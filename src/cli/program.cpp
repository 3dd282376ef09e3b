#include "cli/program.h"

#include "aero/core/log.h"
#include "aero/core/version.h"

#include "cli/command_line.h"
#include "cli/faults.h"
#include "cli/help_formatter.h"
#include "cli/standard_output.h"

#include <memory>

namespace aero::cli {
namespace {

template <class Work>
ExitCode guarded(Work&& work) {
  try {
    return work();
  } catch (...) {
    return report_fault();
  }
}

ExitCode run(int argc, char** argv, const AddCommands& add_commands) {
  CLI::App app("AERO trains language models for private inference.", "aero");
  app.set_version_flag("--version", "aero " + version());
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer(
      "Examples:\n"
      "  aero report mine.json\n"
      "  aero train mine.json\n"
      "  aero eval runs/mine\n"
      "`aero COMMAND --help` lists the options of a command.");
  app.fallthrough();
  app.add_flag_callback(
      "-q,--quiet", [] { log::set_verbosity(Verbosity::quiet); }, "Show warnings and errors only");
  app.add_flag_callback(
      "-v,--verbose", [] { log::set_verbosity(Verbosity::verbose); }, "Show more of what happens");

  auto exit_code = ExitCode::success;
  add_commands(app, exit_code);
  parse_and_run(app, argc, argv);
  return exit_code;
}

}  // namespace

int run_program(int argc, char** argv, const AddCommands& add_commands) {
  keep_standard_descriptors();
  StandardOutput output;
  const auto code = guarded([&] { return run(argc, argv, add_commands); });
  const auto written = guarded([&] {
    output.flush();
    return ExitCode::success;
  });
  log::status("");
  return static_cast<int>(code == ExitCode::success ? written : code);
}

}  // namespace aero::cli
