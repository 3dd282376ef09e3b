#pragma once

#include <string>
#include <string_view>

namespace aero {

/// docs/config.md: every key with type, default, range and meaning, from the field description.
std::string config_markdown();

/// A JSON Schema (draft 2020-12) of the config language, for editors.
std::string config_schema();

/// The keys as plain text for a terminal, with type, default, range and meaning; only those whose
/// path begins with `prefix` ("model.dropout").
std::string config_help(std::string_view prefix = "");

}  // namespace aero
