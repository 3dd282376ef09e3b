#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aero::tokenizer {

/// Makes bytes valid UTF-8: every maximal part of an ill-formed sequence becomes one U+FFFD, as the
/// Unicode standard recommends (section 3.9) and as Rust's from_utf8_lossy and Python's "replace"
/// do.
std::string to_valid_utf8(std::string_view bytes);

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  ///< bytes
};

/// Return the code point at `at` of valid UTF-8, and the one that ends before `end`.
CodePoint code_point_at(std::string_view text, std::size_t at);
CodePoint code_point_before(std::string_view text, std::size_t end);

void append_utf8(std::string& text, char32_t value);

}  // namespace aero::tokenizer
