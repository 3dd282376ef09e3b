#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aero::tokenizer {

/// Returns the inside of a PCRE2 character class for a general category such as "L" or "Nd":
/// PCRE2's own property, and the code points that the Unicode version of Hugging Face `tokenizers`
/// (16.0) adds to that of PCRE2 10.42 (14.0). Returns nothing for an unknown category, and for one
/// that lost code points between the two (Mn, Mc, C…).
std::optional<std::string> category_class(std::string_view category);

/// Returns the same for \w of Rust's regex crate, which finds the borders of single-word tokens.
std::string word_class();

/// Returns the same for Rust's char::is_numeric (Unicode 17), which `Digits` uses.
std::string numeric_class();

/// Return Unicode's White_Space, without U+180E that PCRE2's \s has, and all other characters.
std::string_view space_class();
std::string_view not_space_class();

}  // namespace aero::tokenizer
