#pragma once

#include "aero/config/faults.h"
#include "aero/config/json_value.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// A text of JSON, and where it stands.
struct JsonFile {
  std::string source;  ///< what messages call it
  std::string text;
  std::filesystem::path folder = ".";  ///< where it looks for what it extends
  std::string identity = {};           ///< the same whatever it is called; empty: no file's
};

/// A file on disk. Throws Error.
JsonFile open_json_file(const std::filesystem::path& file);

/// How messages speak of a kind of file: "a config", and what to write into an empty one.
struct JsonKind {
  std::string_view what;
  std::string_view if_empty;
};

/// The object in a file, or a fault.
std::optional<JsonValue> read_object(const JsonFile& file, const JsonKind& kind, Faults& faults);

/// How files of a kind extend one another.
struct ChainRules {
  JsonKind kind;
  /// Opens what a file names under "extends". Throws Error.
  std::function<JsonFile(const std::string& name, const JsonFile& by)> open;
};

/// The object in one file of a chain.
struct JsonLayer {
  std::string source;
  JsonValue root;
};

/// The objects in a file and in those that it extends ("extends": "base.json"), the last base
/// first, so that later ones win. What is unreadable, or comes back to itself, is a fault. An
/// "extends" that is no text is left to who reads the objects.
std::vector<JsonLayer> read_chain(const JsonFile& file, const ChainRules& rules, Faults& faults);

}  // namespace aero
