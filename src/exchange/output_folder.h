#pragma once

#include "aero/checkpoint/safetensors.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace aero::exchange {

struct FolderContent {
  std::string weights_name;
  checkpoint::TensorMap weights;
  checkpoint::Metadata metadata{};
  std::map<std::string, std::string> texts;  ///< other files, by name
};

/// Writes a folder, which appears whole or not at all. `check` sees it before it appears. Throws
/// UsageError if it exists.
void write_folder(const std::filesystem::path& folder, const FolderContent& content,
                  const std::function<void(const std::filesystem::path&)>& check = {});

}  // namespace aero::exchange
