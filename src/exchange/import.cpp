#include "aero/exchange/import.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/runs/layout.h"
#include "aero/tokenizer/tokenizer.h"

#include "layout.h"
#include "output_folder.h"
#include "settings.h"
#include "tokenizer_files.h"
#include "weight_files.h"

#include <algorithm>
#include <sstream>

namespace aero::exchange {
namespace {

namespace fs = std::filesystem;

constexpr const char* settings_file = "config.json";

void require_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw UsageError(fmt::format(
        "{}: there is no such folder; a model of the Hugging Face Hub is downloaded first, with: "
        "hf download NAME --local-dir FOLDER",
        folder.string()));
  }
  if (!fs::exists(folder / settings_file)) {
    throw UsageError(fmt::format("{}: holds no {}; name a folder as save_pretrained() writes it",
                                 folder.string(), settings_file));
  }
}

/// Returns the tensors of the folder by the names that they have in a language model.
Weights load_by_model_name(const fs::path& folder, Family family) {
  Weights result;
  for (auto& [name, tensor] : load_weight_files(folder)) {
    const auto in_model = name_in_model(family, name);
    if (in_model.empty()) continue;
    if (!result.emplace(in_model, tensor).second) {
      throw Error(fmt::format("{}: the weights hold \"{}\" twice, under two names", folder.string(),
                              in_model));
    }
  }
  return result;
}

std::string shape_text(c10::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

torch::Tensor take(Weights& stored, const StoredTensor& entry, const fs::path& folder) {
  const auto found = stored.find(entry.name);
  if (found == stored.end()) {
    throw Error(fmt::format("{}: the weights lack \"{}\", which {} calls for", folder.string(),
                            entry.name, settings_file));
  }
  auto tensor = std::move(found->second);
  stored.erase(found);
  if (tensor.sizes() != entry.shape) {
    throw Error(fmt::format("{}: \"{}\" has shape {}, and {} calls for {}", folder.string(),
                            entry.name, shape_text(tensor.sizes()), settings_file,
                            shape_text(entry.shape)));
  }
  if (!tensor.is_floating_point()) {
    throw Error(fmt::format("{}: \"{}\" is of type {}, and weights are floating-point numbers",
                            folder.string(), entry.name, c10::toString(tensor.scalar_type())));
  }
  return tensor;
}

/// A tied head may be stored all the same. It must then be the embedding, else the folder says two
/// things.
void drop_tied_head(Weights& stored, Family family, const fs::path& folder) {
  const auto head = stored.find(std::string(head_name(family)));
  if (head == stored.end()) return;
  const auto embedding = stored.find(embedding_name(family));
  if (embedding != stored.end() && !torch::equal(head->second, embedding->second)) {
    throw Error(
        fmt::format("{}: \"{}\" differs from \"{}\", and {} says that they are tied; set "
                    "tie_word_embeddings there to what is true",
                    folder.string(), head->first, embedding->first, settings_file));
  }
  stored.erase(head);
}

}  // namespace

ImportedModel import_model(const fs::path& folder, bool with_tokenizer) {
  require_folder(folder);
  ImportedModel result;
  result.config = read_settings(folder / settings_file);
  if (with_tokenizer) result.tokenizer = tokenizer_of(folder);
  const auto family = result.config.family;
  auto stored = load_by_model_name(folder, family);
  if (result.config.tied_head) drop_tied_head(stored, family, folder);
  const bool is_wide = std::ranges::any_of(
      stored, [](const auto& item) { return item.second.scalar_type() == torch::kFloat64; });
  const auto dtype = is_wide ? torch::kFloat64 : torch::kFloat32;
  for (const auto& entry : stored_tensors(result.config)) {
    const auto tensor = take(stored, entry, folder).to(dtype);
    result.weights.merge(unpacked(entry, tensor, result.config));
  }
  if (!stored.empty()) {
    throw Error(
        fmt::format("{}: the weights hold \"{}\", for which a model of this {} has no place",
                    folder.string(), stored.begin()->first, settings_file));
  }
  return result;
}

void save_imported(const ImportedModel& model, const fs::path& folder) {
  auto config = default_config();
  config.model = model.config;
  FolderContent content{.weights_name = runs::weights_name,
                        .weights = model.weights,
                        .texts = {{runs::config_name, to_json(config)}}};
  if (model.tokenizer.empty()) return write_folder(folder, content);
  content.texts["tokenizer.json"] = model.tokenizer;
  write_folder(folder, content, [](const fs::path& written) {
    try {
      tokenizer::Tokenizer::load(written / "tokenizer.json");
    } catch (const Error& fault) {
      throw Error(fmt::format("the folder's tokenizer cannot be read: {}", fault.what()));
    }
  });
}

}  // namespace aero::exchange
