#pragma once

#include "aero/config/overrides.h"
#include "aero/config/run_config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero {

/// Reads a run config from JSON with // and /* */ comments and trailing commas. Precedence: default
/// < "extends" base < file < overrides. Within each of these layers "preset" applies first, then
/// "family", then "architecture", then single keys; a key that contradicts an architecture of the
/// same layer is a fault. Throws UsageError that lists every fault at once, one on each line:
/// "file: path: value: what is wrong", with the nearest valid name. For an override, the file is
/// "command line".
RunConfig load_config(const std::filesystem::path& file,
                      const std::vector<Override>& overrides = {});

/// Reads a run config from a text. Messages call it `name`, and "extends" looks into `folder`.
RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<Override>& overrides = {},
                       const std::filesystem::path& folder = ".");

/// Returns a config of defaults and overrides alone.
RunConfig default_config(const std::vector<Override>& overrides = {});

/// Writes the effective config as JSON, every key with its value. Reading it gives the same config.
std::string to_json(const RunConfig& config);

/// Writes the object under "model" alone.
std::string to_json(const ModelConfig& config);

/// Reads what to_json(ModelConfig) writes; missing keys keep their defaults. Messages call the text
/// `name`, and their paths begin with "model". Throws UsageError as load_config() does.
ModelConfig parse_model_config(const std::string& text, const std::string& name);

}  // namespace aero
