#include "folder_kind.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/runs/layout.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <vector>

namespace aero::runs {
namespace {

namespace fs = std::filesystem;

bool holds_any(const fs::path& folder, std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [&](const char* name) {
    std::error_code ignored;
    return fs::is_regular_file(folder / name, ignored);
  });
}

/// Whether a file is a config of Hugging Face. It then has one of these keys, which no config of
/// AERO has.
bool is_hugging_face_config(const fs::path& file) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error&) {
    return false;
  }
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && (json.contains("model_type") || json.contains("architectures"));
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) folders.push_back(entry->path());
  }
  std::ranges::sort(folders);
  return folders;
}

bool is_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder / checkpoints_name, ignored) && holds_any(folder, {config_name});
}

/// Finds the first run in a folder or, as in a sweep, in the folders within it.
std::optional<fs::path> run_below(const fs::path& folder) {
  const auto nearer = folders_in(folder);
  if (const auto run = std::ranges::find_if(nearer, is_run); run != nearer.end()) return *run;
  for (const auto& member : nearer) {
    const auto farther = folders_in(member);
    if (const auto run = std::ranges::find_if(farther, is_run); run != farther.end()) return *run;
  }
  return std::nullopt;
}

}  // namespace

bool is_hugging_face_model(const fs::path& folder) {
  return holds_any(folder, {"model.safetensors", "model.safetensors.index.json",
                            "pytorch_model.bin", "pytorch_model.bin.index.json"}) ||
         is_hugging_face_config(folder / config_name);
}

std::string other_kind(const fs::path& folder) {
  if (is_hugging_face_model(folder)) {
    return "is a Hugging Face model; make a checkpoint of it with `aero import`";
  }
  if (holds_any(folder, {"manifest.json", "train.bin", "val.bin"})) {
    return "is a corpus; name a run that was trained on it";
  }
  if (const auto run = run_below(folder)) {
    return fmt::format(
        "holds runs, as the folder of a sweep or of a pipeline does; name one of them, such as "
        "'{}'",
        run->string());
  }
  return "";
}

}  // namespace aero::runs
