#include "aero/pipeline/ablate.h"

#include "cli/commands.h"
#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

struct Options {
  std::string sweep;
  std::string shard = "1/1";
  int jobs = 1;
  bool list = false;
  bool collect = false;
};

ExitCode run_ablate(const Options& options) {
  pipeline::AblateOptions ablate;
  ablate.sweep = options.sweep;
  ablate.shard = pipeline::parse_shard(options.shard);
  ablate.jobs.jobs = options.jobs;
  if (options.list) ablate.mode = pipeline::AblateMode::list;
  if (options.collect) ablate.mode = pipeline::AblateMode::collect;
  return pipeline::ablate(ablate, std::cout);
}

}  // namespace

void add_ablate(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("ablate", "Train the models of a sweep and compare them in one table");
  command->add_option("sweep", options->sweep, "Sweep file (docs/ablate.md)")->required();
  command->add_option("--jobs", options->jobs, "Runs at a time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--shard", options->shard,
                      "i/n: every n-th member from the i-th on, for job arrays");
  auto* list = command->add_flag("--list", options->list, "Print the runs and their states");
  command->add_flag("--collect", options->collect, "Make the table of what is there")
      ->excludes(list);
  command->callback([options, &exit_code] { exit_code = run_ablate(*options); });
}

}  // namespace aero::cli
