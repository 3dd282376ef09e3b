#include "weight_files.h"

#include "aero/checkpoint/safetensors.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace aero::exchange {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Tensors = std::map<std::string, torch::Tensor>;

constexpr const char* one_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";

/// Tensors by the shard that holds them.
using Shards = std::map<std::string, std::vector<std::string>>;

/// A shard lies beside its index, so its name has no folder in it.
void require_name_in_folder(const fs::path& index, const std::string& name) {
  const bool is_plain = fs::path(name).filename() == name && name.ends_with(".safetensors");
  if (is_plain) return;
  throw Error(fmt::format(
      "{}: weight_map: {}: is not the name of a .safetensors file in the folder of the index",
      index.string(), shortened(json(name).dump(-1, ' ', true, json::error_handler_t::replace))));
}

Shards read_index(const fs::path& index) {
  const auto root = json::parse(read_file(index), nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object()) {
    throw Error(fmt::format("{}: is damaged: it has no object \"weight_map\"", index.string()));
  }
  Shards shards;
  for (const auto& [tensor, file] : root["weight_map"].items()) {
    if (!file.is_string()) {
      throw Error(fmt::format("{}: weight_map: {}: is not the name of a file", index.string(),
                              shortened(file.dump())));
    }
    const auto name = file.get<std::string>();
    require_name_in_folder(index, name);
    shards[name].push_back(tensor);
  }
  return shards;
}

Tensors load_shards(const fs::path& folder) {
  const auto index = folder / index_file;
  const auto shards = read_index(index);
  for (const auto& [name, tensors] : shards) {  // all, before the first is read
    if (fs::is_regular_file(folder / name)) continue;
    throw Error(fmt::format("{}: lists \"{}\", which is missing from the folder; download it again",
                            index.string(), name));
  }
  Tensors result;
  for (const auto& [name, tensors] : shards) {
    auto shard = checkpoint::load_safetensors(folder / name).tensors;
    for (const auto& tensor : tensors) {
      const auto found = shard.find(tensor);
      if (found == shard.end()) {
        throw Error(fmt::format("{}: has no tensor \"{}\", which {} expects in it",
                                (folder / name).string(), tensor, index_file));
      }
      result[tensor] = std::move(found->second);
    }
  }
  return result;
}

/// Says what is there instead of safetensors.
[[noreturn]] void refuse_folder(const fs::path& folder) {
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!fs::exists(folder / name)) continue;
    throw UsageError(fmt::format(
        "{}: is a pickle, which can run code, so AERO does not load it; where you trust it, "
        "convert it with transformers: python -c \"from transformers import AutoModelForCausalLM "
        "as M; M.from_pretrained('{}').save_pretrained('{}-safetensors')\", and copy the "
        "tokenizer's files",
        (folder / name).string(), folder.string(), folder.string()));
  }
  throw UsageError(
      fmt::format("{}: holds neither {} nor {}", folder.string(), one_file, index_file));
}

}  // namespace

Tensors load_weight_files(const fs::path& folder) {
  if (fs::exists(folder / one_file)) {
    return checkpoint::load_safetensors(folder / one_file).tensors;
  }
  if (fs::exists(folder / index_file)) return load_shards(folder);
  refuse_folder(folder);
}

}  // namespace aero::exchange
