#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace aero {

struct JsonMember;

/// A JSON value as it was written: with the members in their order and repeated keys kept.
struct JsonValue {
  enum class Kind { null, boolean, integer, real, text, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;                 ///< the content of a text; a number as it was written
  std::vector<JsonMember> members;  ///< of an object, or of an array, with empty keys

  /// Names the kind in messages: "a text", "an object".
  std::string kind_text() const;
  /// The value as a message shows it: one line, long ones cut.
  std::string shown() const;
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

/// The reason why a text cannot be read as JSON, with the line and column, counted from 1.
class JsonError : public std::runtime_error {
 public:
  explicit JsonError(const std::string& reason) : std::runtime_error(reason) {}
  JsonError(std::size_t line, std::size_t column, const std::string& reason)
      : std::runtime_error("line " + std::to_string(line) + ", column " + std::to_string(column) +
                           ": " + reason) {}
};

/// Reads JSON with // and /* */ comments and trailing commas. Throws JsonError.
JsonValue parse_json(std::string_view text);

/// Puts the text in JSON's quotes and replaces bytes that are not UTF-8.
std::string quoted(const std::string& text);

/// Writes the shortest decimal that reads back as `value`.
std::string number_text(double value);

bool is_utf8(const std::string& text);

}  // namespace aero
