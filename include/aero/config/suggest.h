#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Counts the insertions, deletions, substitutions and swaps of neighbours between two words
/// (optimal string alignment). Words that differ only in case count as one edit apart.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Returns the largest distance at which a word still suggests another.
std::size_t suggestion_limit(std::string_view word);

/// Returns the nearest of the choices, or an empty text if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& choices);

/// Returns the end of a message about an unknown name: `, did you mean "gelu"? one of: gelu, relu`.
std::string choice_hint(std::string_view word, const std::vector<std::string>& choices);

/// Joins words: "a, b, c".
std::string join(const std::vector<std::string>& words);

}  // namespace aero
