// The program `aero-torch`: every command, with LibTorch.

#include "aero/ops/kept_memory.h"

#include "cli/commands.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  aero::ops::keep_tensor_memory();
  return aero::cli::run_program(argc, argv, [](CLI::App& app, aero::ExitCode& exit_code) {
    aero::cli::add_train(app, exit_code);
    aero::cli::add_ablate(app, exit_code);
    aero::cli::add_pipeline(app, exit_code);
    aero::cli::add_eval(app);
    aero::cli::add_generate(app);
    aero::cli::add_inspect(app);
    aero::cli::add_transform(app);
    aero::cli::add_import(app);
    aero::cli::add_export(app);
    aero::cli::add_doctor(app);
    aero::cli::add_completion(app);
    aero::cli::add_report(app);
    aero::cli::add_config(app);
  });
}
