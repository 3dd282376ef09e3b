#pragma once

#include <string>
#include <vector>

namespace aero {

/// Writes docs/config.md from the field descriptions: every key with type, default, range and
/// meaning.
std::string config_markdown();

/// Writes a JSON Schema (draft 2020-12) of the config language, for editors.
std::string config_schema();

/// What a terminal shows of one key.
struct KeyHelp {
  std::string head;  ///< "model.n_layer (integer, at least 1; default 12)"
  std::string doc;   ///< one sentence
};

/// Returns help on the keys that `name` stands for: all keys if it is empty, the keys of a section
/// ("model.dropout", "model"), or one key with or without its section ("model.n_layer", "n_layer").
/// For any other name, throws UsageError that suggests the nearest one.
std::vector<KeyHelp> config_help(const std::string& name = "");

}  // namespace aero
