#pragma once

#include "aero/config/model_config.h"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace aero::exchange {

/// Reads a config.json of transformers 4 or 5. Absent keys have transformers' defaults. Throws
/// UsageError that names the key and its value where AERO has no counterpart, and Error where the
/// file is damaged.
ModelConfig read_settings(const std::filesystem::path& file);

/// Whether transformers has this activation.
bool has_counterpart(ActivationKind activation);

/// Returns the config.json of a model that transformers has itself. Both versions read it.
nlohmann::ordered_json settings_of(const ModelConfig& config);

}  // namespace aero::exchange
