#include "aero/core/log.h"
#include "aero/core/version.h"

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/help_formatter.h"
#include "cli/standard_output.h"

#include <memory>

namespace {

using aero::ExitCode;

/// Turns every fault into one message without a stack trace.
template <class Work>
ExitCode guarded(Work&& work) {
  try {
    return work();
  } catch (...) {
    return aero::cli::tell_fault();
  }
}

ExitCode run(int argc, char** argv) {
  CLI::App app("AERO trains language models for private inference.", "aero");
  app.set_version_flag("--version", "aero " + aero::version());
  app.require_subcommand(1);
  app.formatter(std::make_shared<aero::cli::HelpFormatter>());
  app.footer(
      "Examples:\n"
      "  aero report mine.json\n"
      "  aero train mine.json\n"
      "  aero eval runs/mine\n"
      "`aero COMMAND --help` lists the options of a command.");
  app.fallthrough();
  app.add_flag_callback(
      "-q,--quiet", [] { aero::log::set_verbosity(aero::Verbosity::quiet); },
      "Show warnings and errors only");
  app.add_flag_callback(
      "-v,--verbose", [] { aero::log::set_verbosity(aero::Verbosity::verbose); },
      "Show more of what happens");

  auto exit_code = ExitCode::success;
  aero::cli::add_train(app, exit_code);
  aero::cli::add_ablate(app, exit_code);
  aero::cli::add_pipeline(app, exit_code);
  aero::cli::add_eval(app);
  aero::cli::add_generate(app);
  aero::cli::add_inspect(app);
  aero::cli::add_transform(app);
  aero::cli::add_report(app);
  aero::cli::add_config(app);
  aero::cli::add_doctor(app);
  aero::cli::parse_and_run(app, argc, argv);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  aero::cli::keep_standard_descriptors();
  aero::cli::StandardOutput output;
  const auto code = guarded([&] { return run(argc, argv); });
  const auto written = guarded([&] {
    output.flush();
    return ExitCode::success;
  });
  aero::log::status("");
  return static_cast<int>(code == ExitCode::success ? written : code);
}
