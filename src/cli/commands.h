#pragma once

#include "aero/core/error.h"

#include <CLI/CLI.hpp>

namespace aero::cli {

/// Each function adds one subcommand to `app`. The subcommand's callback does the work, sets
/// `exit_code`, and throws Error for a fault that the user can correct.
void add_train(CLI::App& app, ExitCode& exit_code);
void add_ablate(CLI::App& app, ExitCode& exit_code);
void add_pipeline(CLI::App& app, ExitCode& exit_code);
void add_eval(CLI::App& app);
void add_generate(CLI::App& app);
void add_inspect(CLI::App& app);
void add_transform(CLI::App& app);
void add_report(CLI::App& app);
void add_config(CLI::App& app);
void add_doctor(CLI::App& app);

}  // namespace aero::cli
