#include "aero/core/log.h"
#include "aero/core/version.h"

#include <c10/util/Exception.h>

#include "cli/commands.h"
#include <iostream>

namespace {

using aero::ExitCode;

/// Every fault ends here as one message; none shows a stack.
template <class Work>
ExitCode guarded(Work&& work) {
  try {
    return work();
  } catch (const aero::Error& error) {
    aero::log::error(error.what());
    return error.code();
  } catch (const c10::Error& error) {
    aero::log::error(std::string("LibTorch: ") + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    aero::log::error("not enough memory; a smaller train.batch_size needs less");
  } catch (const std::exception& error) {
    aero::log::error(error.what());
  }
  return ExitCode::failure;
}

ExitCode run(int argc, char** argv) {
  CLI::App app("AERO trains language models for private inference.", "aero");
  app.set_version_flag("--version", "aero " + aero::version());
  app.require_subcommand(1);
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? ExitCode::success : ExitCode::usage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  return static_cast<int>(guarded([&] { return run(argc, argv); }));
}
