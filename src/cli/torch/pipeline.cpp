#include "aero/core/terminal.h"
#include "aero/pipeline/four_steps.h"

#include "cli/commands.h"
#include "cli/options.h"

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>

namespace aero::cli {

void add_pipeline(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<pipeline::FourStepsOptions>();
  auto wide = std::make_shared<bool>(false);
  auto jobs = std::make_shared<std::int64_t>(1);
  auto* command = add_command(app, "pipeline");
  command->add_option("config", options->file, "Pipeline file (docs/pipeline.md)")->required();
  command->add_option("--cost", options->cost.model,
                      "Cost model of private inference, by name or file, for the tables");
  command->add_option(
      "--network", options->cost.network,
      "Line between the parties, by name or file; none: the cost model's own latency");
  add_texts(*command, "--set", options->overrides,
            "Override a key of the base config: --set train.duration=2Mt");
  add_integer(*command, "--jobs", *jobs, job_counts, "Runs at a time");
  command->add_flag("--list", options->list, "Print where the pipeline stands; train nothing");
  command->add_flag("--wide", *wide, "Print tables whole, however narrow the terminal");
  command->footer(
      "Examples:\n"
      "  aero pipeline pipeline.json --list\n"
      "  aero pipeline pipeline.json --cost aero_papers");
  command->callback([options, jobs, wide, &exit_code] {
    options->jobs.jobs = static_cast<int>(*jobs);
    if (!*wide) options->columns = columns_of(STDOUT_FILENO);
    exit_code = pipeline::four_steps(*options, std::cout);
  });
}

}  // namespace aero::cli
