#pragma once

#include <string>

namespace aero::tokenizer {

/// Rewrites a pattern of Oniguruma (Ruby syntax, the Unicode version of Hugging Face `tokenizers`)
/// so that PCRE2 matches the same text. Where the two engines differ (white space, code points that
/// Unicode assigned after PCRE2's tables), the pattern changes. A part that could differ is refused:
/// throws Error that names the pattern and the part.
///
/// Supported are literals, '.', |, ( ), (?: ), (?i: ) around ASCII letters, look-around, (?> ), the
/// quantifiers * + ? {m} {m,} {m,n} with lazy and possessive forms of the first three, classes [ ]
/// without nesting, \s \S \d \D \r \n \t \f \v \x \u, and \p{...} \P{...} with general categories.
std::string pcre2_pattern(const std::string& oniguruma);

}  // namespace aero::tokenizer
