#pragma once

#include "aero/config/faults.h"
#include "aero/config/json_value.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aero {

/// The base of the readers of configs, cost models, networks, sweeps and pipelines, which go
/// through objects key by key and collect every fault with its place.
class ObjectReader {
 public:
  const Faults& faults() const { return faults_; }

  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

 protected:
  using Kind = JsonValue::Kind;

  ObjectReader() = default;
  ~ObjectReader() = default;

  /// Returns the file that gives the value of a key, as messages call it.
  virtual std::string source_of(const std::string& key) const = 0;

  void fault(const std::string& key, const std::string& value, const std::string& message) {
    faults_.add(source_of(key), key, value, message);
  }

  /// Returns the first value under the key, or null.
  static const JsonValue* find(const JsonValue& object, const std::string& key);

  /// Returns the path of `key` within `place`.
  static std::string below(const std::string& place, const std::string& key) {
    return place.empty() ? key : place + "." + key;
  }

  /// Whether the member is the first with its key; adds a fault if it is not.
  bool is_first(const JsonValue& object, const JsonMember& member, const std::string& path);

  /// Adds a fault for each key that is not known, with the text message(key), and for each repeated
  /// key. Messages show `prefix` before each key.
  void check_keys(const JsonValue& object, const std::string& prefix,
                  const std::vector<std::string>& known,
                  const std::function<std::string(const std::string& key)>& message);

  /// Returns the value as a text that is not empty, or adds a fault and returns nothing; `if_empty`
  /// says what to do.
  std::optional<std::string> as_text(const JsonValue& value, const std::string& path,
                                     const std::string& if_empty);

  Faults faults_;
};

}  // namespace aero
