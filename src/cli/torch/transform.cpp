#include "aero/checkpoint/run_folder.h"
#include "aero/config/notation.h"
#include "aero/core/text.h"
#include "aero/model/surgery.h"
#include "aero/runs/find_checkpoint.h"
#include "aero/train/model_tokenizer.h"

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/torch/loaded_model.h"

#include <cstdint>
#include <iostream>
#include <memory>
#include <numeric>

namespace aero::cli {
namespace {

struct TransformOptions {
  std::string model;
  std::string out;
  std::string dtype;
  std::int64_t deepest = 0;
  std::vector<std::int64_t> layers;
  bool fuse = false;
  bool fold_forms = false;
  bool fold_norms = false;
  bool fold_scales = false;
  bool other_tokenizer = false;
};

void cast(model::TrainedModel& model, torch::ScalarType dtype) {
  for (auto& [name, tensor] : model.weights) tensor = tensor.to(dtype);
}

/// Loads the weights, and checks that they are those of the config: surgery takes them by name.
checkpoint::TensorMap load_whole_weights(const ModelConfig& config,
                                         const std::filesystem::path& source) {
  auto weights = checkpoint::load_weights(source);
  model::Decoder decoder(config);
  load_into(*decoder, weights, source);
  return weights;
}

/// Finds the file of the model's tokenizer, tokenizer.json or tokenizer.model; empty where the
/// model has none.
std::filesystem::path kept_tokenizer(const std::filesystem::path& source, bool may_be_other) {
  auto file = find_tokenizer_file(source);
  if (file.empty()) file = find_tokenizer_file(source, "tokenizer.model");
  if (!file.empty() && !may_be_other) {
    tokenizer::require_same(train::tokenizer_of_model(source), tokenizer::identity_of(file),
                            other_tokenizer_flag);
  }
  return file;
}

/// Loads how far the model was trained and on what data. Leaves out its losses, which belong to the
/// model before surgery.
std::optional<checkpoint::TrainingState> state_after_surgery(const std::filesystem::path& source) {
  if (!std::filesystem::exists(source / "state.json")) return std::nullopt;
  auto state = checkpoint::load_state(source);
  state.eval_loss.reset();
  state.eval_step = 0;
  state.loss_scale.reset();
  return state;
}

std::vector<std::int64_t> pruned_layers(const TransformOptions& options,
                                        const ModelConfig& config) {
  auto layers = options.layers;
  if (options.deepest > config.n_layer) {
    throw UsageError(
        fmt::format("--prune-ffn: {}: the model has {} layers", options.deepest, config.n_layer));
  }
  for (std::int64_t i = 1; i <= options.deepest; ++i) layers.push_back(config.n_layer - i);
  return layers;
}

void run_transform(const TransformOptions& options) {
  const auto source = runs::find_checkpoint(options.model);
  auto config = checkpoint::load_checkpoint_config(source);
  model::TrainedModel model{config.model, load_whole_weights(config.model, source)};
  const auto tokenizer = kept_tokenizer(source, options.other_tokenizer);
  const auto before = architecture_name(model.config);
  const auto layers = pruned_layers(options, model.config);
  const bool folds = options.fold_forms || options.fold_norms || options.fold_scales;
  if (!options.fuse && !folds && layers.empty()) {
    throw UsageError(
        "transform: nothing to do; add --fuse-ffn, --prune-ffn K, --prune-layers LIST, "
        "--fold-forms, --fold-norms or --fold-scales");
  }
  const auto dtype = model.weights.at("tokens.weight").scalar_type();
  cast(model, torch::kFloat64);  // one rounding, at the end
  if (!layers.empty()) model = model::prune_ffns(model, layers);
  if (options.fold_forms) model = model::fold_forms(model);
  if (options.fold_norms) model = model::fold_norms(model);
  if (options.fuse) model = model::fuse_ffns(model);
  if (options.fold_scales) model = model::fold_scales(model);
  if (options.dtype != "float64") cast(model, options.dtype.empty() ? dtype : torch::kFloat32);

  config.model = model.config;
  checkpoint::save_model(options.out, model.weights, config, state_after_surgery(source),
                         tokenizer);
  std::cout << options.out << ": " << before << " became " << architecture_name(config.model)
            << "\n";
}

}  // namespace

void add_transform(CLI::App& app) {
  auto options = std::make_shared<TransformOptions>();
  auto* command = add_command(app, "transform");
  command->add_option("model", options->model, "Run folder or checkpoint folder")->required();
  command->add_option("--out", options->out, "The checkpoint folder to write")->required();
  command->add_flag("--fuse-ffn", options->fuse,
                    "Make one d x d matrix of each FFN without an activation (exact)");
  add_integer(*command, "--prune-ffn", options->deepest, not_negative,
              "Remove the N deepest FFNs, _i<N> (changes the logits)");
  add_integers(*command, "--prune-layers", options->layers, not_negative,
               "Remove the FFNs of these layers, counted from 0 (changes the logits)");
  command->add_flag("--fold-forms", options->fold_forms,
                    "Make plain matrices of weight and spectral normalisation (exact)");
  command->add_flag("--fold-norms", options->fold_norms,
                    "Fold fixed norms, LNf, into the matrices after them (exact)");
  command->add_flag(
      "--fold-scales", options->fold_scales,
      "Fold alpha, beta, 1/sqrt(d_k) and SM(h)'s temperatures into the matrices (exact)");
  add_choice(*command, "--dtype", options->dtype, {"float32", "float64"},
             "Type of the written weights; without it, as they were");
  command->add_flag(other_tokenizer_flag, options->other_tokenizer,
                    "Copy the tokenizer even where it is not the model's");
  command->footer(
      "Examples:\n"
      "  aero transform runs/mine --out small --prune-ffn 1");
  command->callback([options] { run_transform(*options); });
}

}  // namespace aero::cli
