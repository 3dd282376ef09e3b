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

/// A JSON text and the file that it comes from.
struct JsonFile {
  std::string source;  ///< the name in messages
  std::string text;
  std::filesystem::path folder = ".";  ///< where the files that it extends are looked up
  std::string identity = {};           ///< one for each file, under any name; empty: not a file
};

/// Reads a file from disk. Throws Error.
JsonFile open_json_file(const std::filesystem::path& file);

/// What messages call a kind of file ("a config"), and what they say to write into an empty one.
struct JsonKind {
  std::string_view what;
  std::string_view if_empty;
};

/// Reads the object in a file, or adds a fault and returns nothing.
std::optional<JsonValue> read_object(const JsonFile& file, const JsonKind& kind, Faults& faults);

/// How files of a kind extend one another.
struct ChainRules {
  JsonKind kind;
  /// Opens the file that `by` names under "extends". Throws Error.
  std::function<JsonFile(const std::string& name, const JsonFile& by)> open;
};

/// The object in one file of a chain.
struct JsonLayer {
  std::string source;
  JsonValue root;
};

/// Reads the objects in a file and in the files that it extends ("extends": "base.json"). The last
/// base comes first, so that later objects win. A file that is unreadable or extends itself is a
/// fault. An "extends" that is not a text is left to the reader of the objects.
std::vector<JsonLayer> read_chain(const JsonFile& file, const ChainRules& rules, Faults& faults);

}  // namespace aero
