#include "aero/config/documentation.h"
#include "aero/config/loader.h"
#include "aero/core/log.h"

#include "cli/commands.h"
#include "cli/help_formatter.h"
#include "cli/options.h"

#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

struct ConfigOptions {
  std::vector<std::string> files;
  std::string file;
  std::string key;
  std::vector<Override> overrides;
};

void check(const std::vector<std::string>& files) {
  bool all_good = true;
  for (const auto& file : files) {
    try {
      load_config(file);
      std::cout << file << ": good\n";
    } catch (const Error& error) {
      all_good = false;
      log::error(error.what());
    }
  }
  if (!all_good) throw UsageError("some of the configs cannot be used");
}

void print_help(const std::string& key) {
  for (const auto& [head, doc] : config_help(key)) {
    std::cout << wrapped(head, page_columns(), 0) << "\n    " << wrapped(doc, page_columns(), 4)
              << "\n";
  }
}

}  // namespace

void add_config(CLI::App& app) {
  auto options = std::make_shared<ConfigOptions>();
  auto* command = add_command(app, "config");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  aero config check mine.json\n"
      "  aero config show mine.json --set model.n_layer=4\n"
      "  aero config help train.duration");

  auto* check_command = command->add_subcommand("check", "Report every fault of config files");
  check_command->add_option("files", options->files, "Config files")->required();
  check_command->footer("Example:\n  aero config check mine.json");
  check_command->callback([options] { check(options->files); });

  auto* show =
      command->add_subcommand("show", "Print the effective config, every key with its value");
  show->add_option("file", options->file, "Config file; without one, the defaults");
  add_texts(*show, "--set", options->overrides, "Override a key: --set model.n_layer=4");
  show->footer("Example:\n  aero config show mine.json --set model.n_layer=4");
  show->callback([options] {
    std::cout << to_json(options->file.empty() ? default_config(options->overrides)
                                               : load_config(options->file, options->overrides));
  });

  auto* help =
      command->add_subcommand("help", "Explain keys of the config, in lines that fit the terminal");
  help->add_option("key", options->key, "A key or a section; without one, all keys");
  help->footer("Examples:\n  aero config help train\n  aero config help train.duration");
  help->callback([options] { print_help(options->key); });

  auto* docs = command->add_subcommand("docs", "Print docs/config.md");
  docs->footer("Example:\n  aero config docs");
  docs->callback([] { std::cout << config_markdown(); });

  auto* schema = command->add_subcommand("schema", "Print the JSON Schema");
  schema->footer("Example:\n  aero config schema");
  schema->callback([] { std::cout << config_schema(); });
}

}  // namespace aero::cli
