#pragma once

#include "aero/core/error.h"

#include <CLI/CLI.hpp>

#include <functional>

namespace aero::cli {

/// Runs a program: reads the command line, runs the command that it names, and turns every fault
/// into one message without a stack trace. `add_commands` adds what the program can do, and throws
/// as a command does. Returns the exit status.
int run_program(int argc, char** argv,
                const std::function<void(CLI::App& app, ExitCode& exit_code)>& add_commands);

}  // namespace aero::cli
