#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aero::tokenizer {

/// The inside of a PCRE2 character class for a general category such as "L" or "Nd": PCRE2's own
/// property, and the code points that the Unicode version of Hugging Face `tokenizers` (16.0) has
/// beyond the one of PCRE2 10.42 (14.0). Nothing for a category that is not known, or that lost
/// code points in between (Mn, Mc, C…).
std::optional<std::string> category_class(std::string_view category);

/// The same for \w as Rust's regex crate has it, which finds the borders of single-word tokens.
std::string word_class();

/// The same for Rust's char::is_numeric (Unicode 17), which `Digits` goes by.
std::string numeric_class();

/// Unicode's White_Space, which leaves out U+180E that PCRE2's \s has; and all else.
std::string_view space_class();
std::string_view not_space_class();

}  // namespace aero::tokenizer
