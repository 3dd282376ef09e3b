#include "aero/core/checksum.h"

#include "aero/core/text.h"

#include <libdeflate.h>

namespace aero {

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  // It returns 0 for no bytes at no address, whatever came before.
  return bytes.empty() ? before : libdeflate_crc32(before, bytes.data(), bytes.size());
}

std::string checksum_text(std::uint32_t checksum) {
  return fmt::format("{:08x}", checksum);
}

}  // namespace aero
