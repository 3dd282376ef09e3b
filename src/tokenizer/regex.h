#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aero::tokenizer {

/// A stretch of text: what a pattern matched, or what lies between two matches.
struct Stretch {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool is_match = false;
};

/// A compiled pattern that runs over valid UTF-8.
class Regex {
 public:
  /// Compiles a pattern in the syntax of Oniguruma, which Hugging Face `tokenizers` uses (see
  /// regex_pattern.h). Throws Error that names the pattern and the part that is not supported.
  static Regex from_oniguruma(const std::string& pattern);

  /// Matches this text and nothing else.
  static Regex from_literal(std::string_view text);

  /// Compiles a pattern in the syntax of PCRE2. Throws Error.
  static Regex from_pcre2(const std::string& pattern);

  /// Cuts the whole text into matches and the text between them, in order. No stretch is empty.
  std::vector<Stretch> cut(std::string_view text) const;

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

  std::shared_ptr<const Code> code_;
};

}  // namespace aero::tokenizer
