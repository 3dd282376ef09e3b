#pragma once

#include "aero/config/faults.h"
#include "aero/config/json_value.h"

#include "dimension.h"
#include "embedded.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace aero::cost {

/// The text of a file of configs/cost, and the name by which messages call it.
struct CostFile {
  std::string source;
  std::string stem;
  std::string text;
};

/// By name among those built in, or by path where the text has a '/' or ends in .json. `what` and
/// `folder` are for messages: "cost model", "configs/cost". Throws UsageError.
CostFile open_cost_file(const std::string& name_or_path, std::span<const EmbeddedFile> built_in,
                        const std::string& what, const std::string& folder);

std::vector<std::string> file_names(std::span<const EmbeddedFile> built_in);

/// What the files of cost models and networks have in common: every fault is told with its place.
class FileReader {
 public:
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

 protected:
  explicit FileReader(const CostFile& file) : file_(file) {}
  ~FileReader() = default;

  using Kind = JsonValue::Kind;

  /// The object in the file. Throws UsageError.
  JsonValue parse(const std::string& what) const;

  void fault(const std::string& key, const std::string& value, const std::string& message) {
    faults_.add(file_.source, key, value, message);
  }

  static const JsonValue* find(const JsonValue& object, const std::string& key);
  /// Tells keys that are unknown or stand there twice; false where the value is no object.
  bool check_object(const JsonValue& object, const std::string& place,
                    const std::vector<std::string>& known);
  /// The same where any key may stand.
  bool check_object(const JsonValue& object, const std::string& place);
  /// The object under a key; absent without the key, a fault where it is something else.
  const JsonValue* object(const JsonValue& parent, const std::string& key);
  /// A text that is not empty; a fault where the key is missing, `hint` says what belongs there.
  std::string text(const JsonValue& parent, const std::string& place, const std::string& key,
                   const std::string& hint);
  std::optional<double> number(const JsonValue& parent, const std::string& place,
                               const std::string& key);
  /// "name", which must be the file's own.
  std::string read_name(const JsonValue& root);

  static std::string below(const std::string& place, const std::string& key) {
    return place.empty() ? key : place + "." + key;
  }

  const CostFile& file_;
  Faults faults_;
};

}  // namespace aero::cost
