#pragma once

#include <CLI/CLI.hpp>

namespace aero::cli {

/// Reads the command line and runs the command that it names. `--name=` gives an option an empty
/// value. Throws a UsageError that names the wrong word and suggests the nearest command or option.
void parse_and_run(CLI::App& app, int argc, const char* const* argv);

}  // namespace aero::cli
