#pragma once

#include "aero/config/faults.h"
#include "aero/config/json_value.h"

#include "embedded.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace aero::cost {

/// A kind of file of configs/cost.
struct CostFileKind {
  std::string what;    ///< "cost model"
  std::string folder;  ///< of those built in, for messages: "configs/cost"
  std::span<const EmbeddedFile> built_in;
};

CostFileKind cost_models();
CostFileKind networks();

/// What a file says, with what it takes from those that it extends: their keys, of "private",
/// "constants", "primitives" and "uncharged" those inside, one by one, where it has none of the
/// same name. "name", "source", "made_by" and "extends" are each file's own.
struct CostFile {
  std::string source;                          ///< as messages call it
  std::string stem;                            ///< its name without .json
  JsonValue root;                              ///< an object
  std::map<std::string, std::string> origins;  ///< by key, "constants.slots": who says it
  Faults faults;                               ///< of its form

  /// The file that says what stands under a key, or the nearest around it.
  const std::string& source_of(std::string key) const;
};

/// By name among those built in, or by path where the text has a '/' or ends in .json; so a file
/// names what it extends, a path from its own folder. Throws UsageError.
CostFile open_cost_file(const std::string& name_or_path, const CostFileKind& kind);

/// The names of those built in that are whole.
std::vector<std::string> file_names(const CostFileKind& kind);

/// Whether a file is there for others to extend alone: it has no name and no constants.
bool is_base(const JsonValue& root);

/// Throws UsageError that names those built in that extend the base.
[[noreturn]] void refuse_base(const CostFile& file, const CostFileKind& kind);

}  // namespace aero::cost
