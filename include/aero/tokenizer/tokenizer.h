#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aero::tokenizer {

/// What the name of a special token, such as "<|endoftext|>", is where it stands in a text.
enum class SpecialNames {
  tokens,  ///< the special token, as `tokenizers` reads it unless it is told otherwise
  text,    ///< text like all other, as in a corpus; `encode_special_tokens` of `tokenizers`
};

/// A byte-level BPE tokenizer, as Hugging Face `tokenizers` writes it to tokenizer.json; encodes
/// and decodes exactly as `tokenizers` 0.23.3 does, up to Unicode 16.
///
/// Understood: model BPE; pre-tokenizer ByteLevel, or a Sequence of Split and Digits that ends with
/// ByteLevel; added tokens with all their flags; decoder ByteLevel; normalizer null or NFC. A
/// TemplateProcessing is accepted, but encode() adds no special tokens. Whatever else the file asks
/// for is refused by name. A value that is cheap to copy and safe to share between threads.
class Tokenizer {
 public:
  /// Throws Error that names the file and the part that is damaged or not supported.
  static Tokenizer load(const std::filesystem::path& path);

  /// Token ids of the text; no special tokens are added. Bytes that are not UTF-8 are read as
  /// U+FFFD.
  std::vector<std::int64_t> encode(std::string_view utf8,
                                   SpecialNames names = SpecialNames::tokens) const;

  /// The text of the tokens, always valid UTF-8: what is not becomes U+FFFD. Ids that are no token
  /// are left out, and with `skip_special` also the special tokens.
  std::string decode(std::span<const std::int64_t> ids, bool skip_special = false) const;

  /// One more than the largest id.
  std::int64_t vocab_size() const;

  /// The id of a token as tokenizer.json spells it ("<|endoftext|>", "Ġthe").
  std::optional<std::int64_t> token_id(std::string_view content) const;

  /// The end-of-text token: the first of <|endoftext|>, <|end_of_text|>, </s>, <eos>, <|eos|> and
  /// [EOS] that exists and is not a piece of ordinary text.
  std::optional<std::int64_t> eos() const;

  /// The bytes that a token stands for; empty for an id that is no token. Valid as long as this
  /// tokenizer or a copy of it.
  std::string_view token_bytes(std::int64_t id) const;

  /// For each id how many Unicode characters begin in the token, so that the counts of a text's
  /// tokens sum to its characters, those of the normalized text where there is a normalizer: for
  /// loss per character. Special tokens and eos() stand for no text and have none. Throws Error
  /// that names the file where tokens do not have the characters of their text: the vocabulary
  /// lacks a byte, the pre-tokenizer adds spaces or takes characters out, or an added token takes
  /// white space along.
  std::vector<std::int32_t> character_counts() const;

 private:
  struct Parts;
  explicit Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<const Parts> parts_;
};

}  // namespace aero::tokenizer
