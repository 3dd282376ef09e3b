#pragma once

#include "aero/config/object_reader.h"

#include "cost_file.h"
#include "formula.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

/// What the files of cost models and networks have in common.
class FileReader : public ObjectReader {
 protected:
  explicit FileReader(const CostFile& file) : file_(file) {}
  ~FileReader() = default;

  std::string source_of(const std::string& key) const override { return file_.source_of(key); }

  /// Refuses keys that are unknown; false where the value is no object.
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
  /// A list of texts, all different.
  std::vector<std::string> names_in(const JsonValue& list, const std::string& key);
  /// "name", which must be the file's own.
  std::string read_name(const JsonValue& root);

  std::optional<Formula> read_formula(const JsonValue& object, const std::string& place,
                                      const std::string& key);

  const CostFile& file_;
};

}  // namespace aero::cost
