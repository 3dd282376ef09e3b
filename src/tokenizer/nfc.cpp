#include "nfc.h"

#include "utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace aero::tokenizer {
namespace {

struct ClassRange {
  char32_t first;
  char32_t last;
  int combining_class;
};

/// Sorted by code point.
constexpr auto classes = std::to_array<ClassRange>({
#include "nfc_classes.inc"
});

struct Decomposition {
  char32_t composed;
  char32_t first;
  char32_t second;     ///< 0 if there is only `first`
  bool composes_back;  ///< false for the composition exclusions
};

/// Sorted by `composed`.
constexpr auto decompositions = std::to_array<Decomposition>({
#include "nfc_decompositions.inc"
});

/// Hangul syllables are composed by rule (Unicode standard, section 3.12).
constexpr char32_t s_base = 0xAC00, l_base = 0x1100, v_base = 0x1161, t_base = 0x11A7;
constexpr char32_t l_count = 19, v_count = 21, t_count = 28;
constexpr char32_t s_count = l_count * v_count * t_count;

int combining_class(char32_t c) {
  const auto range = std::ranges::lower_bound(classes, c, {}, &ClassRange::last);
  return range != classes.end() && range->first <= c ? range->combining_class : 0;
}

struct Character {
  char32_t value;
  int combining_class;
};

void decompose(char32_t c, std::vector<Character>& out) {
  if (c >= s_base && c < s_base + s_count) {
    const char32_t s = c - s_base;
    out.push_back({l_base + s / (v_count * t_count), 0});
    out.push_back({v_base + s % (v_count * t_count) / t_count, 0});
    if (s % t_count != 0) out.push_back({t_base + s % t_count, 0});
    return;
  }
  const auto found = std::ranges::lower_bound(decompositions, c, {}, &Decomposition::composed);
  if (found == decompositions.end() || found->composed != c) {
    out.push_back({c, combining_class(c)});
    return;
  }
  decompose(found->first, out);
  if (found->second != 0) decompose(found->second, out);
}

void order_marks(std::vector<Character>& text) {
  const auto is_mark = [](const Character& c) { return c.combining_class != 0; };
  for (auto begin = text.begin(); begin != text.end();) {
    begin = std::find_if(begin, text.end(), is_mark);
    const auto end = std::find_if_not(begin, text.end(), is_mark);
    std::stable_sort(begin, end, [](const Character& a, const Character& b) {
      return a.combining_class < b.combining_class;
    });
    begin = end;
  }
}

std::uint64_t pair_key(char32_t first, char32_t second) {
  return (std::uint64_t{first} << 32) | second;
}

std::unordered_map<std::uint64_t, char32_t> composition_table() {
  std::unordered_map<std::uint64_t, char32_t> table;
  for (const Decomposition& one : decompositions) {
    if (one.composes_back) table.emplace(pair_key(one.first, one.second), one.composed);
  }
  return table;
}

/// Returns the composition of two characters, or 0.
char32_t compose(char32_t first, char32_t second) {
  if (first >= l_base && first < l_base + l_count && second >= v_base &&
      second < v_base + v_count) {
    return s_base + ((first - l_base) * v_count + (second - v_base)) * t_count;
  }
  if (first >= s_base && first < s_base + s_count && (first - s_base) % t_count == 0 &&
      second > t_base && second < t_base + t_count) {
    return first + (second - t_base);
  }
  static const auto table = composition_table();
  const auto found = table.find(pair_key(first, second));
  return found == table.end() ? 0 : found->second;
}

std::vector<Character> composed(const std::vector<Character>& text) {
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::vector<Character> result;
  std::size_t starter = none;
  for (const Character& c : text) {
    if (starter != none) {
      const bool adjacent = starter + 1 == result.size();
      const bool blocked = !adjacent && result.back().combining_class >= c.combining_class;
      const char32_t joined = blocked ? 0 : compose(result[starter].value, c.value);
      if (joined != 0) {
        result[starter].value = joined;
        continue;
      }
    }
    if (c.combining_class == 0) starter = result.size();
    result.push_back(c);
  }
  return result;
}

}  // namespace

std::string to_nfc(std::string_view text) {
  // Text below U+0300 is composed already. Its UTF-8 lead bytes are below 0xCC.
  const bool plain = std::ranges::all_of(text, [](char c) { return std::uint8_t(c) < 0xCC; });
  if (plain) return std::string(text);
  std::vector<Character> characters;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    decompose(c.value, characters);
    at += c.length;
  }
  order_marks(characters);
  std::string result;
  for (const Character& c : composed(characters)) append_utf8(result, c.value);
  return result;
}

}  // namespace aero::tokenizer
