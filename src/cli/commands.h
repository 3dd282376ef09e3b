#pragma once

#include "aero/core/error.h"

#include <CLI/CLI.hpp>

#include <array>
#include <string_view>

namespace aero::cli {

struct CommandEntry {
  std::string_view name;
  std::string_view meaning;
  bool needs_torch;  ///< runs in the program aero-torch
};

/// The commands in the order of the help. Loading LibTorch takes longer than the commands that do
/// not need it, so only aero-torch links it, and `aero` hands over to that program what needs it.
/// The completion needs it because it lists the options of every command.
inline constexpr std::array<CommandEntry, 13> commands{{
    {"train", "Train one model from a config file", true},
    {"ablate", "Train the models of a sweep and compare them in one table", true},
    {"pipeline", "Run the four steps of AERO: train each step's candidates and keep the best",
     true},
    {"eval", "Measure the mean loss and perplexity of a model over a split", true},
    {"generate", "Sample text from a model", true},
    {"inspect", "Show what a checkpoint holds and what it computes", true},
    {"transform", "Fuse, prune and fold a trained model into one with fewer operations", true},
    {"import", "Make a checkpoint of a GPT-2 or Pythia folder of Hugging Face transformers", true},
    {"export", "Write a model as a folder that Hugging Face transformers loads", true},
    {"doctor", "Show what this build and this machine can do", true},
    {"completion", "Print a script that completes aero's words in bash", true},
    {"report",
     "Show what a model costs: parameters, FLOPs, operations, memory, and private inference by a "
     "cost model",
     false},
    {"config", "Check, show and document the config language", false},
}};

/// Adds the subcommand of that name, with its meaning.
CLI::App* add_command(CLI::App& app, std::string_view name);

/// Each function adds one subcommand with its options to `app`. The subcommand's callback does the
/// work, sets `exit_code`, and throws Error for a fault that the user can correct.
void add_train(CLI::App& app, ExitCode& exit_code);
void add_ablate(CLI::App& app, ExitCode& exit_code);
void add_pipeline(CLI::App& app, ExitCode& exit_code);
void add_eval(CLI::App& app);
void add_generate(CLI::App& app);
void add_inspect(CLI::App& app);
void add_transform(CLI::App& app);
void add_import(CLI::App& app);
void add_export(CLI::App& app);
void add_doctor(CLI::App& app);
void add_completion(CLI::App& app);
void add_report(CLI::App& app);
void add_config(CLI::App& app);

}  // namespace aero::cli
