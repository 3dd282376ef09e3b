#pragma once

#include "aero/core/error.h"

#include <CLI/CLI.hpp>

#include <functional>

namespace aero::cli {

/// Adds what a program can do; throws as a command does.
using AddCommands = std::function<void(CLI::App& app, ExitCode& exit_code)>;

/// Runs a program: reads the command line, runs the command that it names, and turns every fault
/// into one message without a stack trace. Returns the exit status.
int run_program(int argc, char** argv, const AddCommands& add_commands);

}  // namespace aero::cli
