#pragma once

#include "aero/model/surgery.h"

#include <torch/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace aero::exchange {

struct ExportSettings {
  std::filesystem::path tokenizer;           ///< a tokenizer.json; empty: none
  std::optional<torch::ScalarType> dtype{};  ///< of the written weights; nothing: as they are
};

/// Writes a folder that transformers' AutoModelForCausalLM.from_pretrained() loads, with the same
/// logits: config.json, generation_config.json, model.safetensors, and the tokenizer where it is
/// given. Where transformers has no such model, the folder brings its code along
/// (configuration_aero.py, modeling_aero.py), for trust_remote_code. Matrices that are kept
/// normalised are folded. The folder appears whole or not at all. Returns the name of the class.
///
/// Throws UsageError if the folder exists, or if the model has parts of a program's own.
std::string export_model(const model::TrainedModel& model, const std::filesystem::path& folder,
                         const ExportSettings& settings);

}  // namespace aero::exchange
