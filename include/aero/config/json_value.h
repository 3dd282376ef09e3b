#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace aero {

struct JsonMember;

/// A JSON value as it was written: members in their order, a key as often as it stands there.
struct JsonValue {
  enum class Kind { null, boolean, integer, real, text, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;                 ///< of a text its content, of a number what was written
  std::vector<JsonMember> members;  ///< of an object; of an array, with empty keys

  /// "a text", "an object"
  std::string kind_text() const;
  /// The value as a message shows it: one line, long ones cut.
  std::string shown() const;
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

/// What keeps a text from being read, and where, counted from 1.
class JsonError : public std::runtime_error {
 public:
  explicit JsonError(const std::string& reason) : std::runtime_error(reason) {}
  JsonError(std::size_t line, std::size_t column, const std::string& reason)
      : std::runtime_error("line " + std::to_string(line) + ", column " + std::to_string(column) +
                           ": " + reason) {}
};

/// Reads JSON with // and /* */ comments and trailing commas. Throws JsonError.
JsonValue parse_json(std::string_view text);

/// The text in JSON's quotes; bytes that are no UTF-8 are replaced.
std::string quoted(const std::string& text);

/// The shortest decimal that reads back as `value`.
std::string number_text(double value);

bool is_utf8(const std::string& text);

}  // namespace aero
