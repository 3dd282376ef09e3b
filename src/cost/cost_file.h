#pragma once

#include "aero/config/faults.h"
#include "aero/config/json_value.h"

#include "embedded.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace aero::cost {

/// A kind of file in configs/cost.
struct CostFileKind {
  std::string what;    ///< "cost model"
  std::string folder;  ///< the folder of the built-in files, for messages: "configs/cost"
  std::span<const EmbeddedFile> built_in;
};

CostFileKind cost_models();
CostFileKind networks();

/// The content of a file, together with the keys that it takes from the files that it extends. It
/// takes a key if it has none of the same name; within "private", "constants", "primitives" and
/// "uncharged" it takes the keys one by one. It never takes "name", "source", "made_by" and
/// "extends".
struct CostFile {
  std::string source;                          ///< the name in messages
  std::string stem;                            ///< its name without .json
  JsonValue root;                              ///< an object
  std::map<std::string, std::string> origins;  ///< the file that gives each key ("constants.slots")
  Faults faults;                               ///< in the form of the file

  /// Returns the file that gives a key, or that gives the nearest key around it.
  const std::string& source_of(std::string key) const;
};

/// Opens a built-in file by its name, or a file by its path if the text has a '/' or ends in .json.
/// A file names the file that it extends in the same way, with paths from its own folder. Throws
/// UsageError.
CostFile open_cost_file(const std::string& name_or_path, const CostFileKind& kind);

/// Returns the names of the built-in files, without bases.
std::vector<std::string> file_names(const CostFileKind& kind);

/// Whether a file serves only as a base that others extend: it has no name and no constants.
bool is_base(const JsonValue& root);

/// Throws UsageError that names the built-in files that extend the base.
[[noreturn]] void refuse_base(const CostFile& file, const CostFileKind& kind);

}  // namespace aero::cost
