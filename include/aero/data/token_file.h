#pragma once

#include "aero/core/files.h"
#include "aero/data/token_format.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aero::data {

/// A file of token ids. AERO's format, version 1, little-endian, 128 bytes of header:
///
///       0  8 bytes "AEROTOKN"          40  32 bytes SHA-256 of the tokenizer file
///       8  u32 version = 1             72  u64 documents
///      12  u32 token width, 2 or 4     80  u64 UTF-8 characters
///      16  u64 token count n           88  u64 UTF-8 bytes
///      24  u32 vocabulary size         96  32 zero bytes
///      28  u32 layout, 0 stream        128 n tokens, and nothing after them
///                      1 chunk
///      32  u32 chunk length (stream: 0; chunk: a divisor of n)
///      36  u32 CRC-32 (zlib) of the tokens
///
/// An index lies beside it, under the same name with ".idx": "AEROIDX1", u64 count, and for each
/// document the u64 offset of its first token.
class TokenFile {
 public:
  /// Opens the file and checks its header against its size. Throws Error if the file is missing,
  /// truncated, over-long or not a token file.
  explicit TokenFile(std::filesystem::path path, TokenFormat format = TokenFormat::automatic);

  const std::filesystem::path& path() const { return file_.path(); }
  const TokenHeader& header() const { return header_; }
  std::int64_t count() const { return header_.count; }

  /// Copies tokens [offset, offset + out.size()). Throws Error beyond the end, if the file has
  /// become shorter, and, where its time is newer than at the last check, if its identity() has
  /// changed or, in AERO's format, its tokens do not match the checksum of the header.
  void read(std::int64_t offset, std::span<std::int64_t> out) const;

  /// Throws UsageError if the header's vocabulary is larger than the model's. Reads no token.
  void check_vocabulary(std::int64_t vocab_size) const;

  /// Reads every token and returns the largest. Throws Error if the checksum differs, and as
  /// check_tokens() does.
  std::int64_t verify(std::int64_t vocab_size) const;

  /// Throws Error that names file, offset and value if one of `tokens` is not below vocab_size.
  /// `tokens` begin at `offset` in the file.
  void check_tokens(std::int64_t offset, std::span<const std::int64_t> tokens,
                    std::int64_t vocab_size) const;

  /// Returns the first token of each document, from the index. Throws Error if the index is missing
  /// or damaged.
  std::vector<std::int64_t> document_starts() const;

  /// Returns bytes that identify the tokens: AERO's header, which holds a checksum; for other
  /// formats, the size of the file and a CRC-32 of its end and of at most 1,024 blocks of 64 KiB,
  /// evenly spaced.
  const std::string& identity() const { return identity_; }
  /// Returns the identity as earlier states have it; for other formats than AERO's, the size and
  /// the CRC-32 of the first and of the last MiB.
  std::string former_identity() const;

 private:
  bool has_its_checksum() const;
  void check_checksum() const;
  std::string read_identity() const;
  void require_unchanged() const;

  RandomAccessFile file_;
  TokenHeader header_;
  mutable std::timespec checked_{};  ///< the file's time at the last check, taken before reading
  std::string identity_;
};

}  // namespace aero::data
