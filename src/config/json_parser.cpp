#include "aero/config/json_value.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace aero {
namespace {

/// Deeper than any config, and shallow enough to walk by recursion.
constexpr std::size_t max_depth = 64;

/// Returns the length of the string, the comment or the single character at the front.
std::size_t token_length(std::string_view text) {
  if (text.starts_with('"')) {
    std::size_t end = 1;
    while (end < text.size() && text[end] != '"' && text[end] != '\n') {
      end += text[end] == '\\' ? 2 : 1;
    }
    return std::min(end + 1, text.size());
  }
  if (text.starts_with("//")) return std::min(text.find('\n'), text.size());
  if (text.starts_with("/*")) {
    const std::size_t end = text.find("*/", 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  return 1;
}

/// Replaces trailing commas, which the parser does not know, with spaces, so that places in the
/// text stay the same.
std::string blank_trailing_commas(std::string_view text) {
  std::string result(text);
  std::size_t comma = std::string::npos;
  char previous = '\0';  // the last character that is neither space nor comment
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); i += length) {
    length = token_length(text.substr(i));
    const char c = text[i];
    const bool comment = c == '/' && length > 1;
    if (comment || c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if ((c == '}' || c == ']') && comma != std::string::npos) result[comma] = ' ';
    const bool follows_value =
        previous != '\0' && std::string_view("{[,:").find(previous) == std::string_view::npos;
    comma = c == ',' && follows_value ? i : std::string::npos;
    previous = c;
  }
  return result;
}

/// Receives the parser's events and builds the tree. Only the innermost open container grows, so
/// the pointers to the containers around it stay valid.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {}

  JsonValue take() { return std::move(root_); }

  bool null() override { return add({}); }
  bool boolean(bool value) override {
    return add({.kind = JsonValue::Kind::boolean, .boolean = value, .text = {}, .members = {}});
  }
  bool number_integer(number_integer_t value) override {
    return add({.kind = JsonValue::Kind::integer,
                .integer = value,
                .real = static_cast<double>(value),
                .text = std::to_string(value),
                .members = {}});
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (std::in_range<std::int64_t>(value)) {
      return number_integer(static_cast<number_integer_t>(value));
    }
    return number_float(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& written) override {
    return add({.kind = JsonValue::Kind::real, .real = value, .text = written, .members = {}});
  }
  bool string(string_t& value) override {
    return add({.kind = JsonValue::Kind::text, .text = std::move(value), .members = {}});
  }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(JsonValue::Kind::object); }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(JsonValue::Kind::array); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    std::string reason = error.what();
    reason = reason.substr(std::min(reason.find("] ") + 2, reason.size()));
    if (reason.starts_with("parse error at")) reason = reason.substr(reason.find(": ") + 2);
    // The reason quotes the text, which may be hundreds of digits.
    constexpr std::size_t longest = 160;
    fail_at(position, shortened(reason, longest));
  }

 private:
  bool add(JsonValue value) {
    place(std::move(value));
    return true;
  }

  JsonValue* place(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    std::vector<JsonMember>& members = open_.back()->members;
    members.push_back({std::exchange(key_, {}), std::move(value)});
    return &members.back().value;
  }

  bool open(JsonValue::Kind kind) {
    if (open_.size() == max_depth) {
      throw JsonError(fmt::format("objects and lists are nested more than {} deep", max_depth));
    }
    open_.push_back(place({.kind = kind, .text = {}, .members = {}}));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  /// `position` counts the characters read, the offending one included.
  [[noreturn]] void fail_at(std::size_t position, const std::string& reason) const {
    const std::string_view before = text_.substr(0, position > 0 ? position - 1 : 0);
    const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
    const std::size_t line_start = before.rfind('\n') + 1;
    throw JsonError(line, before.size() - line_start + 1, reason);
  }

  std::string_view text_;
  JsonValue root_;
  std::vector<JsonValue*> open_;
  std::string key_;
};

}  // namespace

JsonValue parse_json(std::string_view text) {
  const std::string plain = blank_trailing_commas(text);
  TreeBuilder builder(text);
  nlohmann::json::sax_parse(plain, &builder, nlohmann::json::input_format_t::json, /*strict=*/true,
                            /*ignore_comments=*/true);
  return builder.take();
}

}  // namespace aero
