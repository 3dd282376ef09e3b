#pragma once

#include "aero/data/token_file.h"

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

namespace aero::data {

inline constexpr std::size_t aero_header_size = 128;
inline constexpr std::size_t llmc_header_size = 1024;

/// A little-endian number at `offset`; the bytes must be there.
template <typename T>
T load(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// Reads and checks the header of a whole file. Throws Error that names `path`.
TokenHeader parse_header(const std::filesystem::path& path, std::string_view bytes,
                         TokenFormat format);

/// What every complaint about a token file ends with.
std::string prepare_again();

}  // namespace aero::data
