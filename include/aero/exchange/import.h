#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>

namespace aero::exchange {

/// What a folder of Hugging Face transformers holds, in AERO's terms.
struct ImportedModel {
  ModelConfig config;
  std::map<std::string, torch::Tensor> weights;  ///< float32; float64 if the folder's are
  std::string tokenizer;  ///< the text of a tokenizer.json; empty: the folder has none
};

/// Reads a GPT-2 or GPT-NeoX (Pythia) folder as save_pretrained() writes it: config.json,
/// model.safetensors or shards with an index, tokenizer.json or vocab.json with merges.txt. Numbers
/// in float16 and bfloat16 become float32, which keeps their values. No code and no pickle of the
/// folder is ever loaded. `with_tokenizer` off leaves its tokenizer out.
///
/// Throws UsageError that names the setting that AERO has no counterpart of, and Error that names
/// the file, the tensor and what is wrong with it.
ImportedModel import_model(const std::filesystem::path& folder, bool with_tokenizer);

/// Writes an imported model as a checkpoint folder: weights, config and tokenizer, which eval,
/// generate, inspect, transform and warm starts take. The folder appears whole or not at all.
/// Throws UsageError if it exists, and Error where its tokenizer cannot be read.
void save_imported(const ImportedModel& model, const std::filesystem::path& folder);

}  // namespace aero::exchange
