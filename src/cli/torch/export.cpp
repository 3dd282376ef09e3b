#include "aero/exchange/export.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/notation.h"
#include "aero/core/text.h"
#include "aero/runs/find_checkpoint.h"

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/torch/loaded_model.h"

#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace aero::cli {
namespace {

struct ExportOptions {
  std::string model;
  std::string out;
  std::string dtype;
};

std::optional<torch::ScalarType> dtype_of(const std::string& name) {
  if (name == "float64") return torch::kFloat64;
  if (name == "float32") return torch::kFloat32;
  if (name == "bfloat16") return torch::kBFloat16;
  if (name == "float16") return torch::kFloat16;
  return std::nullopt;
}

void run_export(const ExportOptions& options) {
  const auto source = runs::find_checkpoint(options.model);
  const auto config = checkpoint::load_checkpoint_config(source).model;
  auto weights = checkpoint::load_weights(source);
  load_into(*model::Decoder(config), weights, source);  // checks names, shapes and types
  const auto kind = exchange::export_model(
      {config, std::move(weights)}, options.out,
      {.tokenizer = find_tokenizer_file(source), .dtype = dtype_of(options.dtype)});
  std::cout << fmt::format("{}: {} as {}\n", options.out, architecture_name(config), kind);
}

}  // namespace

void add_export(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  auto* command = add_command(app, "export");
  command->add_option("model", options->model, "Run folder or checkpoint folder")->required();
  command->add_option("--out", options->out, "The folder to write")->required();
  add_choice(*command, "--dtype", options->dtype, {"float64", "float32", "bfloat16", "float16"},
             "Type of the written weights; without it, as they are");
  command->footer(
      "Examples:\n"
      "  aero export runs/mine --out exported");
  command->callback([options] { run_export(*options); });
}

}  // namespace aero::cli
