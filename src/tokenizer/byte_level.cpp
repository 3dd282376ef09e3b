#include "byte_level.h"

#include "utf8.h"

namespace aero::tokenizer {
namespace {

constexpr std::size_t alphabet_end = 0x144;

/// Returns the byte of each character of the alphabet, and -1 for other characters.
constexpr std::array<int, alphabet_end> inverse() {
  std::array<int, alphabet_end> bytes{};
  bytes.fill(-1);
  const auto alphabet = byte_alphabet();
  for (unsigned byte = 0; byte < 256; ++byte) bytes[alphabet[byte]] = static_cast<int>(byte);
  return bytes;
}

}  // namespace

std::optional<std::string> bytes_of_token(std::string_view token) {
  static constexpr auto byte_of = inverse();
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const CodePoint c = code_point_at(token, at);
    if (c.value >= alphabet_end || byte_of[c.value] < 0) return std::nullopt;
    bytes += static_cast<char>(byte_of[c.value]);
    at += c.length;
  }
  return bytes;
}

}  // namespace aero::tokenizer
