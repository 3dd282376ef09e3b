#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aero {

/// Returns the CRC-32 (ISO 3309, as in gzip) of a text that comes in parts: `before` is the
/// checksum of the parts that precede `bytes`.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

/// Writes a checksum as eight hexadecimal digits.
std::string checksum_text(std::uint32_t checksum);

}  // namespace aero
