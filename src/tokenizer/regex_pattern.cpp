#include "regex_pattern.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include "unicode_additions.h"

#include <cctype>
#include <string_view>

namespace aero::tokenizer {
namespace {

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

class Translator {
 public:
  explicit Translator(const std::string& pattern) : pattern_(pattern) {}

  std::string translate() {
    while (!at_end()) item();
    return out_;
  }

 private:
  bool at_end() const { return at_ == pattern_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  bool next_is(std::string_view text) const {
    return pattern_.compare(at_, text.size(), text) == 0;
  }
  void copy(std::size_t length) {
    out_.append(pattern_, at_, length);
    at_ += length;
  }

  [[noreturn]] void refuse(const std::string& part) const {
    throw Error(fmt::format("pattern '{}': {} at offset {} is not supported", pattern_, part, at_));
  }

  void item() {
    const char c = peek();
    if (c == '(') {
      open_group();
    } else if (c == ')' || c == '|') {
      copy(1);
    } else if (is_one_of(c, "^$")) {
      refuse(fmt::format("the anchor '{}'", c));
    } else if (is_one_of(c, "*+?{")) {
      refuse(fmt::format("a second or misplaced quantifier '{}'", c));
    } else {
      if (c == '[') {
        character_class();
      } else if (c == '\\') {
        escape(false);
      } else {
        copy(1);
        while (is_continuation(peek())) copy(1);
      }
      quantifier();
      return;
    }
    if (c == ')') quantifier();
  }

  static bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

  void open_group() {
    if (next_is("(?i:")) return caseless_group();
    if (peek(1) != '?') return copy(1);
    for (const std::string_view opening : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (next_is(opening)) return copy(opening.size());
    }
    refuse(fmt::format("the group '{}'", pattern_.substr(at_, 3)));
  }

  /// Both engines fold a letter with its single-character equivalents; Oniguruma also folds "ss"
  /// with U+00DF and other pairs with ligatures.
  void caseless_group() {
    const auto end = pattern_.find(')', at_);
    if (end == std::string::npos) refuse("an open '(?i:'");
    const std::string_view inside = std::string_view(pattern_).substr(at_ + 4, end - at_ - 4);
    for (const char c : inside) {
      if (std::isalpha(static_cast<unsigned char>(c)) == 0 && !is_one_of(c, "'|")) {
        refuse("'(?i:' with anything but ASCII letters, ' and |");
      }
    }
    std::string lower(inside);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const std::string_view pair : {"ss", "ff", "fi", "fl", "st"}) {
      if (lower.find(pair) != std::string::npos) refuse("'(?i:' with a pair that has a ligature");
    }
    copy(end + 1 - at_);
    quantifier();
  }

  void quantifier() {
    if (is_one_of(peek(), "*+?") && !at_end()) {
      copy(1);
      if (is_one_of(peek(), "+?") && !at_end()) copy(1);
    } else if (peek() == '{') {
      std::size_t length = 1;
      while (std::isdigit(static_cast<unsigned char>(peek(length))) != 0) ++length;
      const bool has_minimum = length > 1;
      if (peek(length) == ',') ++length;
      while (std::isdigit(static_cast<unsigned char>(peek(length))) != 0) ++length;
      if (!has_minimum || peek(length) != '}') refuse("this use of '{'");
      copy(length + 1);
    }
  }

  void character_class() {
    copy(1);
    if (peek() == '^') copy(1);
    if (peek() == ']') refuse("a class that begins with ']'");
    while (peek() != ']') {
      if (at_end()) refuse("a class without its ']'");
      if (peek() == '[') refuse("a class within a class");
      if (next_is("&&")) refuse("an intersection of classes");
      if (peek() == '\\') {
        escape(true);
      } else {
        copy(1);
      }
    }
    copy(1);
  }

  void escape(bool in_class) {
    const char c = peek(1);
    const auto put = [&](std::string_view inside, bool negated = false) {
      out_ += in_class ? std::string(inside) : (negated ? "[^" : "[") + std::string(inside) + "]";
    };
    if (c == 's' || c == 'S') {
      at_ += 2;
      put(c == 's' ? space_class() : not_space_class());
    } else if (c == 'd' || (c == 'D' && !in_class)) {
      at_ += 2;
      put(*category_class("Nd"), c == 'D');
    } else if (is_one_of(c, "pP")) {
      property(in_class, put);
    } else if (is_one_of(c, "rntf")) {
      copy(2);
    } else if (c == 'v') {
      at_ += 2;
      out_ += "\\x0B";
    } else if (c == 'x' || c == 'u') {
      code_point(c);
    } else if (std::ispunct(static_cast<unsigned char>(c)) != 0 || c == ' ') {
      copy(2);
    } else {
      refuse(fmt::format("'\\{}'", c));
    }
  }

  template <typename Put>
  void property(bool in_class, const Put& put) {
    bool negated = peek(1) == 'P';
    const auto end = pattern_.find('}', at_);
    if (peek(2) != '{' || end == std::string::npos) refuse("a property without its {name}");
    std::string name = pattern_.substr(at_ + 3, end - at_ - 3);
    if (name.starts_with('^')) {
      negated = !negated;
      name.erase(0, 1);
    }
    const auto inside = category_class(name);
    if (!inside) refuse(fmt::format("the property '{}'", name));
    if (negated && in_class) refuse("a negated property in a class");
    at_ = end + 1;
    put(*inside, negated);
  }

  void code_point(char kind) {
    const bool braces = kind == 'x' && peek(2) == '{';
    const std::size_t start = braces ? 3 : 2;
    std::size_t length = 0;
    const std::size_t most = braces ? 6 : (kind == 'x' ? 2 : 4);
    while (length < most && std::isxdigit(static_cast<unsigned char>(peek(start + length))) != 0) {
      ++length;
    }
    const std::string digits = pattern_.substr(at_ + start, length);
    if (length == 0 || (kind == 'u' && length != 4) || (braces && peek(start + length) != '}')) {
      refuse("this code point");
    }
    if (kind == 'x' && !braces && std::stoul(digits, nullptr, 16) > 0x7F) refuse("a raw byte");
    at_ += start + length + (braces ? 1 : 0);
    out_ += "\\x{" + digits + "}";
  }

  const std::string& pattern_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_pattern(const std::string& oniguruma) {
  return Translator(oniguruma).translate();
}

}  // namespace aero::tokenizer
