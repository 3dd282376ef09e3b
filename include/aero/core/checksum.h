#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aero {

/// CRC-32 (ISO 3309, as gzip has it) of bytes that follow those of which it was `before`.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

/// Eight hexadecimal digits.
std::string checksum_text(std::uint32_t checksum);

}  // namespace aero
