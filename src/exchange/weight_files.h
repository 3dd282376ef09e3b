#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>

namespace aero::exchange {

/// Loads model.safetensors, or the shards that model.safetensors.index.json lists. Throws Error
/// that names the file and what is wrong: a shard that is missing, lacks a tensor or lies outside
/// the folder. A folder of pickle files gives a UsageError that says how to convert them.
std::map<std::string, torch::Tensor> load_weight_files(const std::filesystem::path& folder);

}  // namespace aero::exchange
