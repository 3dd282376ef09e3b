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
/// given. Matrices that are kept normalised are folded. The folder appears whole or not at all.
/// Returns the name of transformers' class.
///
/// Throws UsageError if the folder exists, or if transformers has no model of this architecture.
std::string export_model(const model::TrainedModel& model, const std::filesystem::path& folder,
                         const ExportSettings& settings);

}  // namespace aero::exchange
