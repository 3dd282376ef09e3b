#include "aero/data/token_file.h"

#include "aero/core/checksum.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include "token_header.h"

#include <algorithm>

namespace aero::data {
namespace {

/// Widens the narrow tokens at the end of the memory of `out` in place. Each token is read before a
/// write reaches it.
template <typename Token>
void widen(std::span<std::int64_t> out) {
  const auto bytes = std::as_bytes(out).last(out.size() * sizeof(Token));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Token value;
    std::memcpy(&value, bytes.data() + i * sizeof(Token), sizeof(Token));
    out[i] = static_cast<std::int64_t>(value);
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
    : file_(std::move(path)),
      header_(parse_header(file_, format)),
      checked_(file_.modified()),
      identity_(read_identity()) {}

void TokenFile::read(std::int64_t offset, std::span<std::int64_t> out) const {
  const auto length = static_cast<std::int64_t>(out.size());
  if (offset < 0 || length > header_.count || offset > header_.count - length) {
    throw Error(fmt::format("{}: cannot read tokens [{}, {}); it holds {}", path().string(), offset,
                            offset + length, header_.count));
  }
  const auto width = static_cast<std::size_t>(header_.width);
  const std::span<char> memory(reinterpret_cast<char*>(out.data()), out.size_bytes());
  file_.read(header_.payload + static_cast<std::size_t>(offset) * width,
             memory.last(out.size() * width));
  require_unchanged();
  if (width == 2) {
    widen<std::uint16_t>(out);
  } else {
    widen<std::uint32_t>(out);
  }
}

void TokenFile::check_vocabulary(std::int64_t vocab_size) const {
  if (header_.vocab_size <= vocab_size) return;
  throw UsageError(fmt::format(
      "{0}: its vocabulary has {1} tokens, but the model's has {2}. Set model.vocab_size to "
      "at least {1}, or prepare the corpus with the model's tokenizer",
      path().string(), header_.vocab_size, vocab_size));
}

void TokenFile::check_tokens(std::int64_t offset, std::span<const std::int64_t> tokens,
                             std::int64_t vocab_size) const {
  const auto bad = std::ranges::find_if(tokens, [&](auto token) { return token >= vocab_size; });
  if (bad == tokens.end()) return;
  throw Error(fmt::format(
      "{}: token {} at offset {} is beyond the model's vocabulary of {}. The file was made "
      "with another tokenizer, is damaged, or is not a token file. {}",
      path().string(), *bad, offset + (bad - tokens.begin()), vocab_size, prepare_again()));
}

std::int64_t TokenFile::verify(std::int64_t vocab_size) const {
  check_vocabulary(vocab_size);
  check_checksum();
  constexpr std::int64_t block = 1 << 16;
  std::vector<std::int64_t> values(static_cast<std::size_t>(std::min(block, header_.count)));
  std::int64_t largest = -1;
  for (std::int64_t start = 0; start < header_.count; start += block) {
    const std::span<std::int64_t> part(
        values.data(), static_cast<std::size_t>(std::min(block, header_.count - start)));
    read(start, part);
    largest = std::max(largest, std::ranges::max(part));
    if (largest >= vocab_size) check_tokens(start, part, vocab_size);
  }
  return largest;
}

bool TokenFile::has_its_checksum() const {
  if (header_.format != TokenFormat::aero) return true;
  constexpr std::size_t block = 1 << 20;
  std::string bytes;
  std::uint32_t sum = 0;
  for (std::size_t at = header_.payload; at < file_.size(); at += bytes.size()) {
    bytes.resize(std::min(block, file_.size() - at));
    file_.read(at, bytes);
    sum = crc32(bytes, sum);
  }
  return sum == header_.crc32;
}

void TokenFile::check_checksum() const {
  if (has_its_checksum()) return;
  throw Error(
      fmt::format("{}: damaged: the checksum of its tokens differs from the one in its header. {}",
                  path().string(), prepare_again()));
}

std::vector<std::int64_t> TokenFile::document_starts() const {
  const std::filesystem::path path = index_of(file_.path());
  const std::string bytes = read_file(path);
  const auto refuse = [&](const std::string& fault) {
    throw Error(fmt::format("{}: {}. {}", path.string(), fault, prepare_again()));
  };
  if (bytes.size() < 16 || !bytes.starts_with("AEROIDX1")) refuse("not an index of documents");
  const auto count = load<std::uint64_t>(bytes, 8);
  if (bytes.size() % 8 != 0 || bytes.size() / 8 - 2 != count) {
    refuse(
        fmt::format("its header promises {} documents, but it has {} bytes", count, bytes.size()));
  }
  std::vector<std::int64_t> starts(count);
  if (count > 0) std::memcpy(starts.data(), bytes.data() + 16, count * sizeof(std::int64_t));
  const bool inside = starts.empty() || (starts.front() >= 0 && starts.back() <= header_.count);
  if (!inside || !std::ranges::is_sorted(starts)) {
    refuse(fmt::format("its offsets do not fit the {} tokens of {}", header_.count,
                       file_.path().filename().string()));
  }
  return starts;
}

std::string TokenFile::read_identity() const {
  if (header_.format == TokenFormat::aero) return file_.bytes(0, aero_header_size);
  constexpr std::size_t block = 1 << 16;
  constexpr std::size_t most_blocks = 1024;
  const std::size_t size = file_.size();
  const std::size_t step = std::max(block, size / most_blocks);
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < size; at += step) {
    sum = crc32(file_.bytes(at, std::min(block, size - at)), sum);
  }
  const std::size_t end = std::min(block, size);
  sum = crc32(file_.bytes(size - end, end), sum);
  return fmt::format("{} {}", size, checksum_text(sum));
}

std::string TokenFile::former_identity() const {
  if (header_.format == TokenFormat::aero) return identity_;
  const std::size_t size = file_.size();
  const std::size_t sampled = std::min<std::size_t>(1 << 20, size);
  return fmt::format("{} {} {}", size, crc32(file_.bytes(0, sampled)),
                     crc32(file_.bytes(size - sampled, sampled)));
}

void TokenFile::require_unchanged() const {
  const auto modified = file_.modified();
  if (modified.tv_sec == checked_.tv_sec && modified.tv_nsec == checked_.tv_nsec) return;
  if (read_identity() != identity_) {
    throw Error(fmt::format(
        "{}: other tokens were written into it while it was in use; put it back as it was, "
        "and leave it alone",
        path().string()));
  }
  if (!has_its_checksum()) {
    throw Error(fmt::format(
        "{}: its tokens do not match the checksum in its header: other tokens were written "
        "into it while it was in use, or it was damaged before. Put it back as it was. {}",
        path().string(), prepare_again()));
  }
  checked_ = modified;
}

}  // namespace aero::data
