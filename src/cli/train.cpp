#include "aero/config/documentation.h"
#include "aero/config/loader.h"
#include "aero/train/session.h"

#include "cli/commands.h"
#include <memory>

namespace aero::cli {
namespace {

struct TrainOptions {
  std::string config;
  std::vector<Override> overrides;
  bool resume = false;
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

ExitCode run_train(const TrainOptions& options) {
  auto config = load_config(options.config, options.overrides);
  if (config.run.folder.empty()) {
    config.run.folder = "runs/" + std::filesystem::path(options.config).stem().string();
  }
  return exit_code_of(train::run_session(config, options.resume));
}

}  // namespace

void add_train(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<TrainOptions>();
  auto* command = app.add_subcommand("train", "Train one model from a config file");
  command->add_option("config", options->config, "Config file (JSON with comments)")->required();
  command->add_option("--set", options->overrides, "Override a key: --set model.n_layer=4")
      ->take_all();
  command->add_flag("--resume", options->resume,
                    "Go on from the latest checkpoint of the run folder");
  command->footer([] { return "Keys of the config:\n" + config_help(); });
  command->callback([options, &exit_code] { exit_code = run_train(*options); });
}

}  // namespace aero::cli
