#include "aero/data/token_file.h"

#include "aero/core/error.h"

#include <zlib.h>

#include "token_header.h"
#include <algorithm>

namespace aero::data {
namespace {

std::uint32_t checksum(std::string_view bytes) {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<std::uint32_t>(crc32_z(crc32_z(0, nullptr, 0), data, bytes.size()));
}

template <typename Token>
void widen(std::string_view tokens, std::int64_t offset, std::span<std::int64_t> out) {
  const char* from = tokens.data() + offset * static_cast<std::int64_t>(sizeof(Token));
  for (std::int64_t& token : out) {
    Token value;
    std::memcpy(&value, from, sizeof(Token));
    token = static_cast<std::int64_t>(value);
    from += sizeof(Token);
  }
}

std::filesystem::path index_of(const std::filesystem::path& tokens) {
  auto appended = tokens;
  appended += ".idx";
  if (std::filesystem::exists(appended)) return appended;
  auto replaced = tokens;
  return replaced.replace_extension(".idx");
}

}  // namespace

TokenFile::TokenFile(std::filesystem::path path, TokenFormat format)
    : path_(std::move(path)), file_(path_), header_(parse_header(path_, file_.bytes(), format)) {}

void TokenFile::read(std::int64_t offset, std::span<std::int64_t> out) const {
  const auto length = static_cast<std::int64_t>(out.size());
  if (offset < 0 || length > header_.count || offset > header_.count - length) {
    throw Error(path_.string() + ": tokens [" + std::to_string(offset) + ", " +
                std::to_string(offset + length) + ") were asked for, but it holds " +
                std::to_string(header_.count));
  }
  const std::string_view tokens = file_.bytes().substr(header_.payload);
  if (header_.width == 2) {
    widen<std::uint16_t>(tokens, offset, out);
  } else {
    widen<std::uint32_t>(tokens, offset, out);
  }
}

void TokenFile::check_vocabulary(std::int64_t vocab_size) const {
  if (header_.vocab_size <= vocab_size) return;
  throw UsageError(path_.string() + ": its vocabulary has " + std::to_string(header_.vocab_size) +
                   " tokens, but the model's has " + std::to_string(vocab_size) +
                   ". Set model.vocab_size to at least " + std::to_string(header_.vocab_size) +
                   ", or prepare the corpus with the model's tokenizer");
}

void TokenFile::verify(std::int64_t vocab_size) const {
  check_vocabulary(vocab_size);
  const std::string_view tokens = file_.bytes().substr(header_.payload);
  if (header_.format == TokenFormat::aero && checksum(tokens) != header_.crc32) {
    throw Error(path_.string() +
                ": damaged: the checksum of its tokens differs from the one in its header. " +
                prepare_again());
  }
  constexpr std::int64_t block = 1 << 16;
  std::vector<std::int64_t> values(static_cast<std::size_t>(std::min(block, header_.count)));
  for (std::int64_t start = 0; start < header_.count; start += block) {
    const std::span<std::int64_t> part(
        values.data(), static_cast<std::size_t>(std::min(block, header_.count - start)));
    read(start, part);
    if (std::ranges::max(part) < vocab_size) continue;
    const auto bad = std::ranges::find_if(part, [&](auto token) { return token >= vocab_size; });
    throw Error(path_.string() + ": token " + std::to_string(*bad) + " at offset " +
                std::to_string(start + (bad - part.begin())) +
                " is beyond the model's vocabulary of " + std::to_string(vocab_size) +
                ". The file was made with another tokenizer, is damaged, or is not a token file. " +
                prepare_again());
  }
}

std::vector<std::int64_t> TokenFile::document_starts() const {
  const std::filesystem::path path = index_of(path_);
  const MappedFile file(path);
  const std::string_view bytes = file.bytes();
  const auto refuse = [&](const std::string& fault) {
    throw Error(path.string() + ": " + fault + ". " + prepare_again());
  };
  if (bytes.size() < 16 || !bytes.starts_with("AEROIDX1")) refuse("not an index of documents");
  const auto count = load<std::uint64_t>(bytes, 8);
  if (bytes.size() % 8 != 0 || bytes.size() / 8 - 2 != count) {
    refuse("its header promises " + std::to_string(count) + " documents, but it has " +
           std::to_string(bytes.size()) + " bytes");
  }
  std::vector<std::int64_t> starts(count);
  if (count > 0) std::memcpy(starts.data(), bytes.data() + 16, count * sizeof(std::int64_t));
  const bool inside = starts.empty() || (starts.front() >= 0 && starts.back() <= header_.count);
  if (!inside || !std::ranges::is_sorted(starts)) {
    refuse("its offsets do not fit the " + std::to_string(header_.count) + " tokens of " +
           path_.filename().string());
  }
  return starts;
}

std::string TokenFile::identity() const {
  constexpr std::size_t sampled = 1 << 20;
  const std::string_view bytes = file_.bytes();
  if (header_.format == TokenFormat::aero) return std::string(bytes.substr(0, aero_header_size));
  const std::string_view last = bytes.substr(bytes.size() - std::min(sampled, bytes.size()));
  return std::to_string(bytes.size()) + ' ' + std::to_string(checksum(bytes.substr(0, sampled))) +
         ' ' + std::to_string(checksum(last));
}

}  // namespace aero::data
