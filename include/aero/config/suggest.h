#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string
/// alignment); a difference of case alone counts as one edit in all.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The largest distance at which a word still suggests another.
std::size_t suggestion_limit(std::string_view word);

/// The nearest of the choices, or an empty text where none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& choices);

/// How a message about an unknown name goes on: `, did you mean "gelu"? one of: gelu, relu`.
std::string choice_hint(std::string_view word, const std::vector<std::string>& choices);

/// "a, b, c"
std::string join(const std::vector<std::string>& words);

}  // namespace aero
