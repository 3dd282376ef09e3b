#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace aero::tokenizer {

/// Returns GPT-2's printable stand-ins for the 256 bytes: '!' to '~', U+00A1 to U+00AC and U+00AE
/// to U+00FF stand for themselves, and U+0100 to U+0143 stand for the other 68 bytes in order.
constexpr std::array<char32_t, 256> byte_alphabet() {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    alphabet[byte] = printable ? byte : next++;
  }
  return alphabet;
}

/// Returns the bytes that a token of the vocabulary stands for, or nothing if it has a character
/// outside the alphabet.
std::optional<std::string> bytes_of_token(std::string_view token);

}  // namespace aero::tokenizer
