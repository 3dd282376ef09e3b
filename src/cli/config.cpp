#include "aero/config/documentation.h"
#include "aero/config/loader.h"
#include "aero/core/log.h"

#include "cli/commands.h"
#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

struct ConfigOptions {
  std::vector<std::string> files;
  std::string file;
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
  if (!all_good) throw UsageError("not every config can be used");
}

}  // namespace

void add_config(CLI::App& app) {
  auto options = std::make_shared<ConfigOptions>();
  auto* command = app.add_subcommand("config", "Check, show and document the config language");
  command->require_subcommand(1);

  auto* check_command = command->add_subcommand("check", "Report every fault of config files");
  check_command->add_option("files", options->files, "Config files")->required();
  check_command->callback([options] { check(options->files); });

  auto* show =
      command->add_subcommand("show", "Print the effective config, every key with its value");
  show->add_option("file", options->file, "Config file; without one, the defaults");
  show->add_option("--set", options->overrides, "Override a key: --set model.n_layer=4")
      ->take_all();
  show->callback([options] {
    std::cout << to_json(options->file.empty() ? default_config(options->overrides)
                                               : load_config(options->file, options->overrides));
  });

  command->add_subcommand("docs", "Print docs/config.md")->callback([] {
    std::cout << config_markdown();
  });
  command->add_subcommand("schema", "Print the JSON Schema")->callback([] {
    std::cout << config_schema();
  });
}

}  // namespace aero::cli
