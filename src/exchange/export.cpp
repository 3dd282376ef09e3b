#include "aero/exchange/export.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/tokenizer/tokenizer.h"

#include "layout.h"
#include "output_folder.h"
#include "own_code.h"
#include "settings.h"
#include "standard.h"

#include <set>

namespace aero::exchange {
namespace {

using nlohmann::ordered_json;

void cast(Weights& weights, torch::ScalarType dtype) {
  for (auto& [name, tensor] : weights) tensor = tensor.to(dtype);
}

std::string text_of(const ordered_json& value) {
  return value.dump(2) + "\n";
}

void require_known_parts(const ModelConfig& config) {
  if (config.own_parts.empty()) return;
  throw UsageError(fmt::format(
      "model.own_parts: \"{}\": another program brought these parts, and only models of AERO's "
      "parts can be exported",
      config.own_parts));
}

/// Refuses what is no part of the model. theta of EReg serves training alone.
void require_known(const Weights& weights, const std::set<std::string>& known) {
  for (const auto& [name, tensor] : weights) {
    if (known.contains(name) || name == "thresholds") continue;
    throw Error(fmt::format(
        "weights: \"{}\" is no part of the model of its config; the checkpoint is damaged", name));
  }
}

/// Returns the tensors of transformers' own model.
Weights standard_weights(const model::TrainedModel& model) {
  std::set<std::string> known;
  Weights result;
  for (const auto& entry : stored_tensors(model.config)) {
    auto tensor = packed(entry, model.weights, model.config);
    if (tensor.sizes() != entry.shape) {
      throw Error(fmt::format(
          "weights: \"{}\" has another shape than its config says; the checkpoint is damaged",
          entry.ours.front()));
    }
    result[entry.name] = tensor;
    known.insert(entry.ours.begin(), entry.ours.end());
  }
  require_known(model.weights, known);
  return result;
}

/// Returns the settings of a model whose code it brings along.
ordered_json own_settings(ModelConfig config) {
  config.ereg.enabled = false;
  return {{"architectures", {"AeroForCausalLM"}},
          {"model_type", "aero"},
          {"auto_map",
           {{"AutoConfig", "configuration_aero.AeroConfig"},
            {"AutoModelForCausalLM", "modeling_aero.AeroForCausalLM"}}},
          {"tie_word_embeddings", config.tied_head},
          {"aero", ordered_json::parse(to_json(config))}};
}

void add_standard(const model::TrainedModel& model, ordered_json& settings,
                  FolderContent& content) {
  settings = settings_of(model.config);
  content.weights = standard_weights(model);
}

/// Adds a model with AERO's names and AERO's code.
void add_own(const model::TrainedModel& model, ordered_json& settings, FolderContent& content) {
  settings = own_settings(model.config);
  content.weights = model.weights;
  content.weights.erase("thresholds");
  content.texts["configuration_aero.py"] = configuration_code();
  content.texts["modeling_aero.py"] = modeling_code();
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
  require_known_parts(model.config);
  auto plain = model;
  if (settings.dtype == torch::kFloat64) cast(plain.weights, torch::kFloat64);  // folds in it, too
  plain = model::fold_forms(plain);
  FolderContent content{.weights_name = "model.safetensors",
                        .weights = {},
                        .metadata = {{"format", "pt"}},
                        .texts = {}};
  ordered_json config;
  is_standard(plain.config) ? add_standard(plain, config, content)
                            : add_own(plain, config, content);
  if (settings.dtype) cast(content.weights, *settings.dtype);
  // transformers' defaults are the ids of other tokenizers.
  ordered_json generation{{"bos_token_id", nullptr}, {"eos_token_id", nullptr}};
  if (!settings.tokenizer.empty()) {
    add_tokenizer(settings.tokenizer, plain.config, generation, content.texts);
  }
  config.update(generation);
  const auto dtype = content.weights.begin()->second.scalar_type();
  config["dtype"] = c10::getDtypeNames(dtype).first;
  content.texts["config.json"] = text_of(config);
  content.texts["generation_config.json"] = text_of(generation);
  write_folder(folder, content);
  return config["architectures"][0].get<std::string>();
}

}  // namespace aero::exchange
