#include "aero/report/report.h"

#include "aero/config/loader.h"
#include "aero/core/files.h"
#include "aero/core/terminal.h"
#include "aero/core/text.h"
#include "aero/report/bar_chart.h"
#include "aero/report/comparison.h"
#include "aero/report/fit.h"
#include "aero/runs/find_checkpoint.h"

#include "cli/commands.h"
#include "cli/options.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

namespace aero::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string source;
  std::string architecture;
  std::vector<Override> overrides;
  std::vector<std::string> compare;
  std::vector<std::string> cost_models;
  std::string network;
  std::string pass = "whole";
  bool sensitivity = false;
  std::string svg;
  std::string format = "markdown";
  bool json = false;
  bool wide = false;
};

RunConfig config_of_architecture(const std::string& architecture, std::vector<Override> overrides) {
  overrides.insert(overrides.begin(), "model.architecture=" + architecture);
  // An architecture's name alone means that architecture at the size of the papers' model.
  overrides.insert(overrides.begin(), "model.preset=gpt2-12l");
  return default_config(overrides);
}

RunConfig config_of_path(const std::string& source, const std::vector<Override>& overrides) {
  if (fs::is_directory(source)) {
    return load_config(runs::find_config(source), overrides);
  }
  return load_config(source, overrides);
}

RunConfig find_config(const Options& options) {
  if (options.source.empty()) {
    return config_of_architecture(options.architecture, options.overrides);
  }
  auto overrides = options.overrides;
  if (!options.architecture.empty()) {
    overrides.insert(overrides.begin(), "model.architecture=" + options.architecture);
  }
  return config_of_path(options.source, overrides);
}

/// Reads the config that a file, a folder, "SM+LN+G" or "simplified:SM+ScFFN" stands for.
RunConfig config_to_compare(const std::string& name, std::vector<Override> overrides) {
  if (fs::exists(name)) return config_of_path(name, overrides);
  if (name.find('/') != std::string::npos || name.ends_with(".json")) {
    throw UsageError(fmt::format("report: --compare: {}: no such file or folder", name));
  }
  const auto colon = name.find(':');
  if (colon == std::string::npos) return config_of_architecture(name, std::move(overrides));
  overrides.insert(overrides.begin(), "model.family=" + name.substr(0, colon));
  return config_of_architecture(name.substr(colon + 1), std::move(overrides));
}

cost::Pass pass_of(const std::string& name, const ModelConfig& model) {
  if (name == "prefill") return cost::prefill(model);
  if (name == "token") return cost::one_token(model);
  return cost::whole_context(model);
}

std::string pass_text(const std::string& name) {
  if (name == "prefill") return "prefill";
  return name == "token" ? "one token" : "whole context";
}

/// Makes reports that include what the cost models charge.
class Reporter {
 public:
  explicit Reporter(const Options& options) : options_(options) {
    for (const std::string& name : options.cost_models) {
      models_.push_back(cost::CostModel::load(name));
    }
    if (!options.network.empty()) network_ = cost::load_network(options.network);
  }

  report::Report make(const RunConfig& config) const {
    auto report = report::make_report(config);
    const auto pass = pass_of(options_.pass, config.model);
    for (const auto& model : models_) {
      report::PrivateInference entry{.pass = pass_text(options_.pass),
                                     .cost = model.price(config.model, pass, network_),
                                     .sensitivities = {}};
      if (options_.sensitivity) {
        entry.sensitivities = cost::sensitivities(model, config.model, pass, network_);
      }
      report.pi.push_back(std::move(entry));
    }
    return report;
  }

 private:
  const Options& options_;
  std::vector<cost::CostModel> models_;
  std::optional<cost::Network> network_;
};

void check(const Options& options) {
  if (options.source.empty() && options.architecture.empty() && options.compare.empty()) {
    throw UsageError("report: name a config file, a run or checkpoint folder, or --arch NAME");
  }
  if (!options.compare.empty() && !options.json && options.format != "json") {
    if (options.cost_models.size() > 1) {
      throw UsageError(
          "report: --compare: takes one --cost; give one, or --format json for several");
    }
    if (options.sensitivity) {
      throw UsageError(
          "report: --sensitivity: is about one model; leave --compare out, or add --format json");
    }
  }
  if (options.compare.empty() && options.format == "latex") {
    throw UsageError("report: --format latex: compares models; add --compare MODELS");
  }
  if (!options.svg.empty()) require_suffix("--svg", options.svg, ".svg");
  if (!options.cost_models.empty()) return;
  const char* needs = !options.network.empty()  ? "--network"
                      : options.sensitivity     ? "--sensitivity"
                      : !options.svg.empty()    ? "--svg"
                      : options.pass != "whole" ? "--pass"
                                                : nullptr;
  if (needs == nullptr) return;
  std::string names;
  for (const auto& name : cost::CostModel::names()) names += (names.empty() ? "" : ", ") + name;
  throw UsageError(
      fmt::format("report: {}: needs a cost model; add --cost NAME ({}, or a file)", needs, names));
}

void write_chart(const Options& options, const std::vector<report::Report>& reports) {
  if (options.svg.empty()) return;
  std::vector<report::Bar> bars;
  for (const auto& report : reports) {
    for (const auto& entry : report.pi) {
      const bool many_models = report.pi.size() > 1;
      bars.push_back({report.architecture + (many_models ? ", " + entry.cost.cost_model : ""),
                      report::by_kind(entry.cost)});
    }
  }
  const std::string models =
      reports.front().pi.size() == 1 ? " by " + reports.front().pi.front().cost.cost_model : "";
  write_file(options.svg, report::bar_chart(fmt::format("Communication of one forward pass ({}){}",
                                                        pass_text(options.pass), models),
                                            bars));
}

std::string comparison(const std::vector<report::Report>& reports, const std::string& format) {
  if (format == "json") return report::comparison_json(reports);
  if (format == "latex") return report::comparison_latex(reports);
  return format == "csv" ? report::comparison_csv(reports) : report::comparison_markdown(reports);
}

std::string single(const report::Report& report, const std::string& format) {
  if (format == "json") return report::to_json(report);
  return format == "csv" ? report::to_csv(report) : report::to_markdown(report);
}

void run_report(const Options& options) {
  check(options);
  const Reporter reporter(options);
  const auto format = options.json ? "json" : options.format;
  std::vector<report::Report> reports;
  for (const std::string& name : options.compare) {
    reports.push_back(reporter.make(config_to_compare(name, options.overrides)));
  }
  const bool compares = !reports.empty();
  if (!compares) reports.push_back(reporter.make(find_config(options)));
  const std::string text = compares ? comparison(reports, format) : single(reports.front(), format);
  write_chart(options, reports);
  const bool fits = options.wide || format != "markdown";
  std::cout << report::fit_tables(text, fits ? 0 : columns_of(STDOUT_FILENO));
}

}  // namespace

void add_report(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(app, "report");
  auto* source = command->add_option("source", options->source,
                                     "Config file, run folder or checkpoint folder");
  auto* architecture = command->add_option(
      "--arch", options->architecture,
      "Architecture in the papers' notation; without a source, at the papers' size of 12 layers");
  add_texts(*command, "--set", options->overrides, "Override a key: --set model.n_layer=4");
  command
      ->add_option("--compare", options->compare,
                   "Compare models with the first one: files, folders, architectures, or "
                   "FAMILY:ARCHITECTURE")
      ->excludes(source)
      ->excludes(architecture);
  add_texts(*command, "--cost", options->cost_models,
            "Cost model of private inference, by name or file (docs/cost-models.md)");
  command->add_option("--network", options->network,
                      "Line between the parties, by name or file: lan, wan, mobile");
  add_choice(*command, "--pass", options->pass, {"whole", "prefill", "token"},
             "What to price: the whole context, prefill (logits for the last position), or one "
             "token with a cache");
  command->add_flag("--sensitivity", options->sensitivity,
                    "Show how the costs change with each assumption of the cost model");
  command->add_option("--svg", options->svg, "Write a bar chart of communication to this file");
  add_choice(*command, "--format", options->format, {"markdown", "json", "csv", "latex"},
             "Form of the report; latex with --compare");
  command->add_flag("--wide", options->wide, "Print tables whole, however narrow the terminal");
  command->add_flag("--json", options->json, "Short for --format json");
  command->footer(
      "Examples:\n"
      "  aero report mine.json\n"
      "  aero report runs/mine --format csv\n"
      "  aero report --compare SM+LN+G SM+R 'EReg(SM(t)+ScFuFFN_i6)' --cost aero_papers");
  command->callback([options] { run_report(*options); });
}

}  // namespace aero::cli
