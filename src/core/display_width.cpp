#include "aero/core/display_width.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <sstream>

namespace aero {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// Unicode's East_Asian_Width W and F, whole blocks where nearly all of a block is wide.
constexpr std::array<Range, 26> wide = {{
    {0x1100, 0x115F},   {0x231A, 0x231B}, {0x23E9, 0x23EC}, {0x23F0, 0x23F3}, {0x25FD, 0x25FE},
    {0x2614, 0x2615},   {0x2648, 0x2653}, {0x26AA, 0x26AB}, {0x26BD, 0x26BE}, {0x26C4, 0x26CE},
    {0x26F2, 0x26FD},   {0x2705, 0x270B}, {0x274C, 0x274E}, {0x2753, 0x2757}, {0x2795, 0x2797},
    {0x2B1B, 0x2B1C},   {0x2E80, 0x303E}, {0x3041, 0xA4C6}, {0xA960, 0xA97C}, {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6B}, {0xFF01, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF},
    {0x20000, 0x3FFFD},
}};

/// Combining marks and characters without width, in the scripts that names are written in.
constexpr std::array<Range, 14> none = {{
    {0x0300, 0x036F},
    {0x0483, 0x0489},
    {0x0591, 0x05BD},
    {0x0610, 0x061A},
    {0x064B, 0x065F},
    {0x0E34, 0x0E3A},
    {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF},
    {0x200B, 0x200F},
    {0x202A, 0x202E},
    {0x2060, 0x2064},
    {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F},
}};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t character) {
  const auto after = std::ranges::upper_bound(ranges, character, {}, &Range::first);
  return after != ranges.begin() && character <= (after - 1)->last;
}

int width_of(char32_t character) {
  if (contains(none, character)) return 0;
  return contains(wide, character) ? 2 : 1;
}

struct Character {
  std::size_t bytes;
  int columns;
};

/// The first character of a text that is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0xC0) return {1, 1};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t value = lead & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if (i == text.size() || (byte(i) & 0xC0U) != 0x80U) return {1, 1};
    value = value << 6U | (byte(i) & 0x3FU);
  }
  return {bytes, width_of(value)};
}

}  // namespace

int display_width(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const auto character = first_character(text);
    columns += character.columns;
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string fitted(std::string_view text, int columns) {
  std::string line;
  while (!text.empty()) {
    const auto character = first_character(text);
    columns -= character.columns;
    if (columns < 0) break;
    const bool is_control = static_cast<unsigned char>(text[0]) < 0x20 || text[0] == '\x7F';
    line += is_control ? std::string_view("?") : text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return line;
}

std::vector<std::string> wrapped(std::string_view text, int columns) {
  std::istringstream words{std::string(text)};
  std::vector<std::string> lines(1);
  for (std::string word; words >> word;) {
    std::string& last = lines.back();
    if (last.empty()) {
      last = word;
    } else if (display_width(last) + 1 + display_width(word) <= columns) {
      last.append(" ").append(word);
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

}  // namespace aero
