#pragma once

#include "aero/config/object_reader.h"

#include "cost_file.h"
#include "formula.h"

#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

/// The base of the readers of cost models and networks.
class FileReader : public ObjectReader {
 protected:
  explicit FileReader(const CostFile& file) : file_(file) {}
  ~FileReader() = default;

  std::string source_of(const std::string& key) const override { return file_.source_of(key); }

  /// Adds faults for unknown keys. Returns false, with a fault, if the value is not an object.
  bool check_object(const JsonValue& object, const std::string& place,
                    const std::vector<std::string>& known);
  /// Does the same, but allows any key.
  bool check_object(const JsonValue& object, const std::string& place);
  /// Returns the object under a key, or null if there is no such key. Another kind of value is a
  /// fault.
  const JsonValue* object(const JsonValue& parent, const std::string& key);
  /// Returns a text that is not empty. A missing key is a fault, and `hint` says what to write.
  std::string text(const JsonValue& parent, const std::string& place, const std::string& key,
                   const std::string& hint);
  std::optional<double> number(const JsonValue& parent, const std::string& place,
                               const std::string& key);
  /// Reads a list of texts, all different.
  std::vector<std::string> names_in(const JsonValue& list, const std::string& key);
  /// Reads "name", which must be the file's own name.
  std::string read_name(const JsonValue& root);

  std::optional<Formula> read_formula(const JsonValue& object, const std::string& place,
                                      const std::string& key);

  const CostFile& file_;
};

}  // namespace aero::cost
