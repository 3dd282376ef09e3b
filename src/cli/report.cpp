#include "aero/report/report.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"

#include "cli/commands.h"
#include <filesystem>
#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

struct ReportOptions {
  std::string source;
  std::string architecture;
  std::vector<Override> overrides;
  std::string format = "markdown";
  bool json = false;
};

RunConfig find_config(const ReportOptions& options) {
  auto overrides = options.overrides;
  if (!options.architecture.empty()) {
    overrides.insert(overrides.begin(), "model.architecture=" + options.architecture);
  }
  if (options.source.empty()) {
    // The papers' own model is what a bare architecture name stands for.
    overrides.insert(overrides.begin(), "model.preset=gpt2-12l");
    return default_config(overrides);
  }
  if (std::filesystem::is_directory(options.source)) {
    return load_config(checkpoint::find_checkpoint(options.source) / "config.json", overrides);
  }
  return load_config(options.source, overrides);
}

void run_report(const ReportOptions& options) {
  if (options.source.empty() && options.architecture.empty()) {
    throw UsageError("report: name a config file, a run or checkpoint folder, or --arch NAME");
  }
  const auto report = report::make_report(find_config(options));
  const auto format = options.json ? "json" : options.format;
  if (format == "json") {
    std::cout << report::to_json(report);
  } else if (format == "csv") {
    std::cout << report::to_csv(report);
  } else {
    std::cout << report::to_markdown(report);
  }
}

}  // namespace

void add_report(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  auto* command = app.add_subcommand(
      "report", "Parameters, FLOPs, nonlinear operations and memory, without building the model");
  command->add_option("source", options->source, "Config file, run folder or checkpoint folder");
  command->add_option(
      "--arch", options->architecture,
      "Architecture in the papers' notation; without a source, of the papers' 12 layers");
  command->add_option("--set", options->overrides, "Override a key: --set model.n_layer=4")
      ->take_all();
  command->add_option("--format", options->format, "markdown, json or csv")
      ->check(CLI::IsMember({"markdown", "json", "csv"}));
  command->add_flag("--json", options->json, "Short for --format json");
  command->callback([options] { run_report(*options); });
}

}  // namespace aero::cli
