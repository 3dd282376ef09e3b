#include "aero/config/loader.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/cost/memory.h"
#include "aero/dist/launch.h"
#include "aero/jobs/rank_launcher.h"
#include "aero/report/format.h"
#include "aero/train/session.h"

#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/options.h"

#include <memory>

namespace aero::cli {
namespace {

struct TrainOptions {
  std::string config;
  std::vector<Override> overrides;
  bool resume = false;
  std::int64_t nproc = 1;
};

ExitCode exit_code_of(train::Outcome outcome) {
  switch (outcome) {
    case train::Outcome::finished:
      return ExitCode::success;
    case train::Outcome::interrupted:
      return ExitCode::interrupted;
    case train::Outcome::terminated:
      return ExitCode::terminated;
    case train::Outcome::hangup:
      return ExitCode::hangup;
    case train::Outcome::nonfinite:
    case train::Outcome::failed:
      return ExitCode::failure;
  }
  return ExitCode::failure;
}

std::string memory_advice(const RunConfig& config) {
  const auto memory = cost::estimate_memory(config);
  const auto batch = memory.activations.total();
  const auto model = memory.total() - batch;
  const auto& train = config.train;
  const auto sizes = fmt::format("weights, gradients and moments take {}, one batch takes {}",
                                 report::bytes_text(model), report::bytes_text(batch));
  if (train.batch_size % 2 == 0 && batch > model / 4) {
    return fmt::format(
        "{}; train.batch_size={} with train.accumulation={} makes the same step with half a batch "
        "at a time",
        sizes, train.batch_size / 2, train.accumulation * 2);
  }
  return fmt::format("{}; a smaller train.batch_size ({}), model.context ({}) or model needs less",
                     sizes, train.batch_size, config.model.context);
}

/// The arguments of one of several processes that train together.
std::vector<std::string> arguments_of_rank(const TrainOptions& options) {
  std::vector<std::string> arguments{"train", options.config};
  for (const auto& text : options.overrides) {
    arguments.insert(arguments.end(), {"--set", text});
  }
  if (options.resume) arguments.emplace_back("--resume");
  if (log::verbosity() == Verbosity::quiet) arguments.emplace_back("--quiet");
  if (log::verbosity() == Verbosity::verbose) arguments.emplace_back("--verbose");
  return arguments;
}

ExitCode run_train(const TrainOptions& options) {
  if (options.nproc > 1) {
    if (const auto launch = dist::find_launch()) {
      throw UsageError(
          fmt::format("--nproc: {}: {} has started several processes already; leave "
                      "--nproc out",
                      options.nproc, launch->by));
    }
    load_config(options.config, options.overrides);  // refuses what each process would
    return jobs::run_ranks(static_cast<int>(options.nproc), arguments_of_rank(options));
  }
  auto config = load_config(options.config, options.overrides);
  if (config.run.folder.empty()) {
    config.run.folder = "runs/" + std::filesystem::path(options.config).stem().string();
  }
  return within_memory([&] { return exit_code_of(train::run_session(config, options.resume)); },
                       [&] { return memory_advice(config); });
}

}  // namespace

void add_train(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<TrainOptions>();
  auto* command = add_command(app, "train");
  command->add_option("config", options->config, "Config file (JSON with comments)")->required();
  add_texts(*command, "--set", options->overrides, "Override a key: --set model.n_layer=4");
  command->add_flag("--resume", options->resume,
                    "Continue from the latest checkpoint of the run folder");
  add_integer(*command, "--nproc", options->nproc, job_counts,
              "Processes on this machine that train together");
  command->footer(
      "Examples:\n"
      "  aero train mine.json\n"
      "  aero train mine.json --resume\n"
      "  aero train mine.json --resume --nproc 2\n"
      "  aero train mine.json --set train.duration=100 --set run.folder=runs/short\n"
      "`aero config help` explains the keys of a config.");
  command->callback([options, &exit_code] { exit_code = run_train(*options); });
}

}  // namespace aero::cli
