#include "aero/exchange/export.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/tokenizer/tokenizer.h"

#include "layout.h"
#include "output_folder.h"
#include "settings.h"
#include "standard.h"

#include <set>

namespace aero::exchange {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
  return value.dump(2) + "\n";
}

/// Returns transformers' tensors. Each of AERO's must have a place among them; theta of EReg serves
/// training alone.
Weights packed_weights(const model::TrainedModel& model) {
  std::set<std::string> unused;
  for (const auto& [name, tensor] : model.weights) unused.insert(name);
  unused.erase("thresholds");
  Weights result;
  for (const auto& entry : stored_tensors(model.config)) {
    auto tensor = packed(entry, model.weights, model.config);
    if (tensor.sizes() != entry.shape) {
      throw Error(fmt::format(
          "weights: \"{}\" has another shape than its config says; the checkpoint is damaged",
          entry.ours.front()));
    }
    result[entry.name] = tensor;
    for (const auto& name : entry.ours) unused.erase(name);
  }
  if (!unused.empty()) {
    throw Error(fmt::format(
        "weights: \"{}\" is no part of the model of its config; the checkpoint is damaged",
        *unused.begin()));
  }
  return result;
}

/// Adds the tokenizer's files, and its end-of-text token to the settings of generation.
void add_tokenizer(const std::filesystem::path& file, const ModelConfig& config,
                   ordered_json& generation, std::map<std::string, std::string>& texts) {
  const auto tokenizer = tokenizer::Tokenizer::load(file);
  // This class takes tokenizer.json as it is. Others make parts of it anew.
  ordered_json settings{{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"clean_up_tokenization_spaces", false},
                        {"model_max_length", config.position_rows()}};
  if (const auto end = tokenizer.eos()) {
    const std::string name(tokenizer.token_bytes(*end));
    settings["bos_token"] = name;
    settings["eos_token"] = name;
    generation["bos_token_id"] = *end;
    generation["eos_token_id"] = *end;
  }
  texts["tokenizer.json"] = read_file(file);
  texts["tokenizer_config.json"] = text_of(settings);
}

}  // namespace

std::string export_model(const model::TrainedModel& model, const std::filesystem::path& folder,
                         const ExportSettings& settings) {
  const auto plain = model::fold_forms(model);
  require_standard(plain.config);
  FolderContent content{.weights_name = "model.safetensors",
                        .weights = packed_weights(plain),
                        .metadata = {{"format", "pt"}},
                        .texts = {}};
  auto& weights = content.weights;
  if (settings.dtype) {
    for (auto& [name, tensor] : weights) tensor = tensor.to(*settings.dtype);
  }
  auto config = settings_of(plain.config);
  // transformers' defaults are the ids of other tokenizers.
  ordered_json generation{{"bos_token_id", nullptr}, {"eos_token_id", nullptr}};
  if (!settings.tokenizer.empty()) {
    add_tokenizer(settings.tokenizer, plain.config, generation, content.texts);
  }
  config.update(generation);
  const auto dtype = weights.begin()->second.scalar_type();
  config["dtype"] = c10::getDtypeNames(dtype).first;
  content.texts["config.json"] = text_of(config);
  content.texts["generation_config.json"] = text_of(generation);
  write_folder(folder, content);
  return config["architectures"][0].get<std::string>();
}

}  // namespace aero::exchange
