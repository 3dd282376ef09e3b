#include "unicode_additions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace aero::tokenizer {
namespace {

struct Addition {
  char32_t first;
  char32_t last;
  std::string_view category;
};

constexpr auto additions = std::to_array<Addition>({
#include "unicode_additions.inc"
});

constexpr std::array<std::string_view, 27> known_categories = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Me", "N",  "Nd", "Nl", "No", "P", "Pc",
    "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z",  "Zs"};

void append(std::string& text, char32_t value) {
  std::array<char, 8> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), std::uint32_t{value}, 16);
  text += "\\x{" + std::string(digits.data(), end.ptr) + "}";
}

std::string added_to(std::string_view category) {
  std::string ranges;
  for (const Addition& addition : additions) {
    if (!addition.category.starts_with(category)) continue;
    append(ranges, addition.first);
    ranges += '-';
    append(ranges, addition.last);
  }
  return ranges;
}

}  // namespace

std::optional<std::string> category_class(std::string_view category) {
  if (std::ranges::find(known_categories, category) == known_categories.end()) return std::nullopt;
  return "\\p{" + std::string(category) + "}" + added_to(category);
}

std::string word_class() {
  return R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control})" + added_to("L") + added_to("M") +
         added_to("Nd") + added_to("Pc");
}

std::string numeric_class() {
  return R"(\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6})" + added_to("N");
}

std::string_view space_class() {
  return R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
}

std::string_view not_space_class() {
  return R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
}

}  // namespace aero::tokenizer
