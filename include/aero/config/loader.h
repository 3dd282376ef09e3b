#pragma once

#include "aero/config/overrides.h"
#include "aero/config/run_config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero {

/// Reads a run config. Precedence: default < "extends" base < file < overrides; within each of
/// these layers "preset" first, then "family", then "architecture", then single keys (a key that
/// contradicts an architecture of the same layer is a fault). JSON with // and /* */ comments and
/// trailing commas. Throws UsageError that lists every fault at once, a line each: "file: path:
/// value: what is wrong", with the nearest valid name. The file of an override is "command line".
RunConfig load_config(const std::filesystem::path& file,
                      const std::vector<Override>& overrides = {});

/// The same from a text; `name` stands for the file in messages, `folder` is where "extends" looks.
RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<Override>& overrides = {},
                       const std::filesystem::path& folder = ".");

/// A config of defaults and overrides alone.
RunConfig default_config(const std::vector<Override>& overrides = {});

/// The effective config as JSON, every key with its value; reading it gives the same config.
std::string to_json(const RunConfig& config);

/// The object that stands under "model", alone.
std::string to_json(const ModelConfig& config);

/// Reads what to_json(ModelConfig) writes; missing keys keep their defaults. `name` is for
/// messages, in which the paths begin with "model". Throws UsageError as load_config() does.
ModelConfig parse_model_config(const std::string& text, const std::string& name);

}  // namespace aero
