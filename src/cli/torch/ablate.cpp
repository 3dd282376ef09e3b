#include "aero/pipeline/ablate.h"

#include "aero/core/terminal.h"

#include "cli/commands.h"
#include "cli/options.h"

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

struct Options {
  std::string sweep;
  std::string shard = "1/1";
  std::int64_t jobs = 1;
  pipeline::CostChoice cost;
  std::string rank;
  std::string format = "markdown";
  bool list = false;
  bool collect = false;
  bool wide = false;
};

ExitCode run_ablate(const Options& options) {
  pipeline::AblateOptions ablate;
  ablate.sweep = options.sweep;
  ablate.shard = pipeline::parse_shard(options.shard);
  ablate.jobs.jobs = static_cast<int>(options.jobs);
  ablate.cost = options.cost;
  ablate.rank = pipeline::parse_rank(options.rank);
  ablate.latex = options.format == "latex";
  if (!options.wide) ablate.columns = columns_of(STDOUT_FILENO);
  if (options.list) ablate.mode = pipeline::AblateMode::list;
  if (options.collect) ablate.mode = pipeline::AblateMode::collect;
  return pipeline::ablate(ablate, std::cout);
}

}  // namespace

void add_ablate(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(app, "ablate");
  command->add_option("sweep", options->sweep, "Sweep file (docs/ablate.md)")->required();
  add_integer(*command, "--jobs", options->jobs, job_counts, "Runs at a time");
  command->add_option("--shard", options->shard,
                      "i/n: train every n-th member from the i-th on, for job arrays");
  command->add_option("--cost", options->cost.model,
                      "Cost model of private inference, by name or file, for the tables");
  command->add_option(
      "--network", options->cost.network,
      "Line between the parties, by name or file; none: the cost model's own latency");
  command->add_option("--rank", options->rank,
                      "Print the rows in the order of perplexity, bytes or seconds");
  add_choice(*command, "--format", options->format, {"markdown", "latex"}, "Form of the table");
  command->add_flag("--wide", options->wide, "Print tables whole, however narrow the terminal");
  auto* list = command->add_flag("--list", options->list, "Print the runs and their states");
  command
      ->add_flag("--collect", options->collect,
                 "Make the table from the runs that are there; train nothing")
      ->excludes(list);
  command->footer(
      "Examples:\n"
      "  aero ablate sweep.json --list\n"
      "  aero ablate sweep.json --jobs 2\n"
      "  aero ablate sweep.json --collect --cost aero_papers --rank bytes");
  command->callback([options, &exit_code] { exit_code = run_ablate(*options); });
}

}  // namespace aero::cli
