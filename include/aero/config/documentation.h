#pragma once

#include <string>
#include <vector>

namespace aero {

/// docs/config.md: every key with type, default, range and meaning, from the field description.
std::string config_markdown();

/// A JSON Schema (draft 2020-12) of the config language, for editors.
std::string config_schema();

/// What a terminal shows of one key.
struct KeyHelp {
  std::string head;  ///< "model.n_layer (integer, at least 1; default 12)"
  std::string doc;   ///< one sentence
};

/// Help on the keys that `name` means: all for an empty one, those of a section ("model.dropout",
/// "model"), or one, its section left out or not ("model.n_layer", "n_layer"). Throws UsageError
/// with the nearest name where it means none.
std::vector<KeyHelp> config_help(const std::string& name = "");

}  // namespace aero
