#include "token_header.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace aero::data {
namespace {

static_assert(std::endian::native == std::endian::little, "token files are mapped as they are");

constexpr std::string_view aero_magic = "AEROTOKN";
constexpr std::int32_t llmc_gpt2_magic = 20240520;
constexpr std::int32_t llmc_llama3_magic = 20240801;
constexpr std::int32_t llmc_evaluation_magic = 20240522;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& fault) {
  throw Error(fmt::format("{}: {}. {}", path.string(), fault, prepare_again()));
}

/// The first bytes of a file, and the size of the whole file.
struct Head {
  std::filesystem::path path;
  std::string bytes;
  std::size_t file_size = 0;
};

std::int32_t first_word(std::string_view bytes) {
  return bytes.size() >= sizeof(std::int32_t) ? load<std::int32_t>(bytes, 0) : 0;
}

bool is_llmc(std::int32_t magic) {
  return magic == llmc_gpt2_magic || magic == llmc_llama3_magic || magic == llmc_evaluation_magic;
}

TokenFormat detect(const Head& head) {
  if (const auto format = format_by_magic(head.bytes)) return *format;
  if (head.path.extension() == ".bin") return TokenFormat::nanogpt;
  refuse(head.path,
         "not a token file (it has the magic of neither AERO nor llm.c, and nanoGPT's raw files "
         "are named .bin)");
}

void check_size(const Head& head, const TokenHeader& header) {
  const auto room = static_cast<std::uint64_t>(head.file_size - header.payload);
  const auto width = static_cast<std::uint64_t>(header.width);
  const auto count = static_cast<std::uint64_t>(header.count);
  if (room % width == 0 && room / width == count) return;
  const bool short_of = room / width < count;
  refuse(head.path,
         fmt::format(
             "{}: its header promises {} tokens of {} bytes, but the file holds {} bytes of tokens",
             short_of ? "truncated" : "over-long", count, width, room));
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

void check_fields(const Head& head) {
  const auto field = [&](std::size_t offset) { return load<std::uint32_t>(head.bytes, offset); };
  const auto expect = [&](bool good, const std::string& name, std::uint64_t value) {
    if (!good) refuse(head.path, fmt::format("damaged header: {} is {}", name, value));
  };
  expect(field(8) == 1, "format version (this AERO reads 1)", field(8));
  expect(field(12) == 2 || field(12) == 4, "token width (2 or 4)", field(12));
  const auto count = load<std::uint64_t>(head.bytes, 16);
  expect(count < (std::uint64_t{1} << 62), "token count", count);
  expect(field(24) > 0 && (field(12) == 4 || field(24) <= 65536), "vocabulary size", field(24));
  expect(field(28) <= 1, "layout (0 or 1)", field(28));
  const bool chunked = field(28) == 1;
  expect(chunked ? field(32) > 0 && count % field(32) == 0 : field(32) == 0, "chunk length",
         field(32));
}

TokenHeader parse_aero(const Head& head) {
  const std::string_view bytes = head.bytes;
  if (!bytes.starts_with(aero_magic)) refuse(head.path, "not an AERO token file (wrong magic)");
  if (bytes.size() < aero_header_size) refuse(head.path, "truncated inside its 128-byte header");
  check_fields(head);
  TokenHeader header;
  header.format = TokenFormat::aero;
  header.width = static_cast<int>(load<std::uint32_t>(bytes, 12));
  header.count = load<std::int64_t>(bytes, 16);
  header.vocab_size = load<std::uint32_t>(bytes, 24);
  header.layout = load<std::uint32_t>(bytes, 28) == 1 ? TokenLayout::chunk : TokenLayout::stream;
  header.chunk_length = load<std::uint32_t>(bytes, 32);
  header.crc32 = load<std::uint32_t>(bytes, 36);
  header.tokenizer_sha256 = hexadecimal(bytes.substr(40, 32));
  if (header.tokenizer_sha256.find_first_not_of('0') == std::string::npos) {
    header.tokenizer_sha256.clear();
  }
  header.documents = load<std::int64_t>(bytes, 72);
  header.characters = load<std::int64_t>(bytes, 80);
  header.bytes = load<std::int64_t>(bytes, 88);
  header.payload = aero_header_size;
  return header;
}

/// Reads a header of llm.c (dev/data/data_common.py), whose magic and version give the token width.
TokenHeader parse_llmc(const Head& head) {
  const std::string_view bytes = head.bytes;
  const std::filesystem::path& path = head.path;
  const std::int32_t magic = first_word(bytes);
  if (magic == llmc_evaluation_magic) {
    refuse(path, "an llm.c evaluation file (multiple choice), not a file of training tokens");
  }
  if (!is_llmc(magic)) {
    refuse(path,
           fmt::format("not an llm.c token file: its magic is {}, neither 20240520 nor 20240801",
                       magic));
  }
  if (bytes.size() < llmc_header_size) refuse(path, "truncated inside llm.c's 1024-byte header");
  const bool llama3 = magic == llmc_llama3_magic;
  const std::int32_t expected = llama3 ? 7 : 1;
  const auto version = load<std::int32_t>(bytes, 4);
  if (version != expected) {
    refuse(path, fmt::format("its version is {}, but llm.c's files with magic {} have version {}",
                             version, magic, expected));
  }
  const auto count = load<std::int32_t>(bytes, 8);
  if (count < 0) refuse(path, fmt::format("damaged header: token count is {}", count));
  TokenHeader header;
  header.format = TokenFormat::llmc;
  header.width = llama3 ? 4 : 2;
  header.count = count;
  header.payload = llmc_header_size;
  return header;
}

TokenHeader parse_nanogpt(const Head& head) {
  if (head.file_size % 2 != 0) {
    refuse(head.path,
           fmt::format("its size, {} bytes, is odd, so it does not hold nanoGPT's 16-bit tokens",
                       head.file_size));
  }
  TokenHeader header;
  header.format = TokenFormat::nanogpt;
  header.count = static_cast<std::int64_t>(head.file_size / 2);
  return header;
}

TokenHeader parse(const Head& head, TokenFormat format) {
  switch (format) {
    case TokenFormat::automatic:
      return parse(head, detect(head));
    case TokenFormat::aero:
      return parse_aero(head);
    case TokenFormat::llmc:
      return parse_llmc(head);
    case TokenFormat::nanogpt:
      return parse_nanogpt(head);
  }
  throw Error(fmt::format("{}: unknown token format", head.path.string()));
}

}  // namespace

std::string prepare_again() {
  return "Run scripts/prepare_corpus.py to write token files anew (docs/data.md)";
}

std::string read_head(const RandomAccessFile& file) {
  return file.bytes(0, std::min(file.size(), llmc_header_size));
}

std::optional<TokenFormat> format_by_magic(std::string_view head) {
  if (head.starts_with(aero_magic)) return TokenFormat::aero;
  if (is_llmc(first_word(head))) return TokenFormat::llmc;
  return std::nullopt;
}

TokenHeader parse_header(const RandomAccessFile& file, TokenFormat format) {
  if (file.size() == 0) refuse(file.path(), "empty, so it holds no tokens");
  const Head head{file.path(), read_head(file), file.size()};
  TokenHeader header = parse(head, format);
  check_size(head, header);
  return header;
}

}  // namespace aero::data
