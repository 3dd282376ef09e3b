#pragma once

#include "aero/core/files.h"
#include "aero/data/token_format.h"

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace aero::data {

inline constexpr std::size_t aero_header_size = 128;
inline constexpr std::size_t llmc_header_size = 1024;

/// Reads a little-endian number at `offset`; the bytes must be there.
template <typename T>
T load(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// Reads as many bytes of a file as a header can have.
std::string read_head(const RandomAccessFile& file);

/// Returns the format that the first bytes of a token file stand for, or nothing for a file without
/// a magic, as nanoGPT's.
std::optional<TokenFormat> format_by_magic(std::string_view head);

/// Reads and checks the header of a file against its size. Throws Error that names it.
TokenHeader parse_header(const RandomAccessFile& file, TokenFormat format);

/// Returns the sentence that ends every message about a faulty token file.
std::string prepare_again();

}  // namespace aero::data
