#include "aero/core/checksum.h"

#include "aero/core/text.h"

#include <zlib.h>

namespace aero {

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  const auto* const data = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<std::uint32_t>(::crc32_z(before, data, bytes.size()));
}

std::string checksum_text(std::uint32_t checksum) {
  return fmt::format("{:08x}", checksum);
}

}  // namespace aero
