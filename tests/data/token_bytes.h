#pragma once

#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace aero::data::test {

/// A folder of token files.
class Folder : public testing_support::TemporaryFolder {
 public:
  std::filesystem::path operator/(const std::string& name) const { return path() / name; }

  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    testing_support::put(path() / name, bytes);
    return path() / name;
  }
};

template <typename T>
std::string little_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  return bytes;
}

template <typename Token>
std::string packed(const std::vector<std::int64_t>& tokens) {
  std::string bytes;
  for (const auto token : tokens) bytes += little_endian(static_cast<Token>(token));
  return bytes;
}

/// A file of AERO's format, built from its description.
struct AeroFile {
  std::vector<std::int64_t> tokens;
  std::uint32_t width = 2;
  std::uint32_t vocab_size = 100;
  std::uint32_t layout = 0;
  std::uint32_t chunk = 0;
  std::uint64_t characters = 0;
  char tokenizer = 'h';

  std::string bytes() const {
    const std::string payload =
        width == 2 ? packed<std::uint16_t>(tokens) : packed<std::uint32_t>(tokens);
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
    return "AEROTOKN" + little_endian(std::uint32_t{1}) + little_endian(width) +
           little_endian(std::uint64_t{tokens.size()}) + little_endian(vocab_size) +
           little_endian(layout) + little_endian(chunk) +
           little_endian(static_cast<std::uint32_t>(crc)) + std::string(32, tokenizer) +
           little_endian(std::uint64_t{3}) + little_endian(characters) +
           little_endian(std::uint64_t{60}) + std::string(32, '\0') + payload;
  }
};

/// A file of llm.c: 256 int32 of header.
inline std::string llmc_header(std::int32_t magic, std::int32_t version, std::int32_t count) {
  return little_endian(magic) + little_endian(version) + little_endian(count) +
         std::string(1024 - 12, '\0');
}

/// The message of the exception that `action` throws; "nothing" when it throws none.
template <typename Fault, typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "nothing";
}

}  // namespace aero::data::test
