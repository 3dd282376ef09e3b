#include "aero/exchange/import.h"

#include "aero/config/notation.h"
#include "aero/core/text.h"
#include "aero/cost/parameters.h"
#include "aero/report/format.h"

#include "cli/commands.h"

#include <iostream>
#include <memory>
#include <string>

namespace aero::cli {
namespace {

struct ImportOptions {
  std::string folder;
  std::string out;
  bool without_tokenizer = false;
};

void run_import(const ImportOptions& options) {
  const auto model = exchange::import_model(options.folder, !options.without_tokenizer);
  exchange::save_imported(model, options.out);
  std::cout << fmt::format("{}: {} of {} layers, {} parameters, {}\n", options.out,
                           architecture_name(model.config), model.config.n_layer,
                           report::with_thousands(cost::count_parameters(model.config).total()),
                           model.tokenizer.empty() ? "without a tokenizer" : "with its tokenizer");
}

}  // namespace

void add_import(CLI::App& app) {
  auto options = std::make_shared<ImportOptions>();
  auto* command = add_command(app, "import");
  command
      ->add_option("folder", options->folder,
                   "Folder of a GPT-2 or GPT-NeoX (Pythia) model, with config.json and safetensors")
      ->required();
  command->add_option("--out", options->out, "The checkpoint folder to write")->required();
  command->add_flag("--without-tokenizer", options->without_tokenizer,
                    "Leave the folder's tokenizer out");
  command->footer(
      "Examples:\n"
      "  aero import pythia-70m --out runs/pythia-70m");
  command->callback([options] { run_import(*options); });
}

}  // namespace aero::cli
