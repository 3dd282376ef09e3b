#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace aero::data {

/// The format of a token file; `automatic` decides by the first bytes.
enum class TokenFormat {
  automatic,
  aero,     ///< AERO's own, see TokenFile
  nanogpt,  ///< train.bin and val.bin of nanoGPT: uint16 tokens without a header
  llmc,     ///< .bin of llm.c: 256 int32 of header, then uint16 (GPT-2) or uint32 (Llama 3) tokens
};

enum class TokenLayout {
  stream,  ///< documents one after another, each ended by an end-of-text token
  chunk,   ///< samples of chunk_length tokens, each from a single document
};

/// The header of a token file. Zero or empty stands for what its format does not say.
struct TokenHeader {
  TokenFormat format = TokenFormat::aero;
  int width = 2;           ///< bytes a token: 2 or 4
  std::int64_t count = 0;  ///< tokens
  std::int64_t vocab_size = 0;
  TokenLayout layout = TokenLayout::stream;
  std::int64_t chunk_length = 0;
  std::uint32_t crc32 = 0;
  std::string tokenizer_sha256;  ///< 64 hexadecimal digits; empty if all are zeros
  std::int64_t documents = 0;
  std::int64_t characters = 0;  ///< Unicode code points of the text behind the tokens
  std::int64_t bytes = 0;       ///< UTF-8 bytes of the text behind the tokens
  std::size_t payload = 0;      ///< where the tokens begin in the file
};

}  // namespace aero::data
