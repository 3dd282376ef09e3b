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

/// How the name of a special token, such as "<|endoftext|>", is read in a text.
enum class SpecialNames {
  tokens,  ///< as the special token, the default of `tokenizers`
  text,    ///< as ordinary text, as in a corpus (`encode_special_tokens` of `tokenizers`)
};

/// A byte-level BPE tokenizer, as Hugging Face `tokenizers` writes it to tokenizer.json. It encodes
/// and decodes exactly as `tokenizers` 0.23.3 does, up to Unicode 16.
///
/// It supports model BPE; pre-tokenizer ByteLevel, or a Sequence of Split and Digits that ends with
/// ByteLevel; added tokens with all their flags; decoder ByteLevel; normalizer null or NFC. A
/// TemplateProcessing is accepted, but encode() adds no special tokens. Anything else in the file
/// is refused by name. A tokenizer is cheap to copy and safe to share between threads.
class Tokenizer {
 public:
  /// Reads a tokenizer.json. Throws Error that names the file and the part that is damaged or not
  /// supported.
  static Tokenizer load(const std::filesystem::path& path);

  /// Returns the token ids of the text, without adding special tokens. Bytes that are not UTF-8 are
  /// read as U+FFFD.
  std::vector<std::int64_t> encode(std::string_view utf8,
                                   SpecialNames names = SpecialNames::tokens) const;

  /// Returns the text of the tokens. It is always valid UTF-8: invalid bytes become U+FFFD. Ids
  /// without a token are left out, and with `skip_special` also special tokens.
  std::string decode(std::span<const std::int64_t> ids, bool skip_special = false) const;

  /// Returns one more than the largest id.
  std::int64_t vocab_size() const;

  /// Returns the id of a token as tokenizer.json spells it ("<|endoftext|>", "Ġthe").
  std::optional<std::int64_t> token_id(std::string_view content) const;

  /// Returns the end-of-text token: the first of <|endoftext|>, <|end_of_text|>, </s>, <eos>,
  /// <|eos|> and [EOS] that exists and is not a piece of ordinary text.
  std::optional<std::int64_t> eos() const;

  /// Returns the bytes that a token stands for; empty for an id without a token. They stay valid as
  /// long as this tokenizer or a copy of it.
  std::string_view token_bytes(std::int64_t id) const;

  /// Returns for each id how many Unicode characters begin in the token, as loss per character
  /// needs. The counts of a text's tokens sum to its characters, or to those of the normalized text
  /// if there is a normalizer. Special tokens and eos() stand for no text and count 0. Throws Error
  /// that names the file if a text and its tokens can differ in characters: the vocabulary lacks a
  /// byte, the pre-tokenizer adds spaces or removes characters, or an added token takes white space
  /// along.
  std::vector<std::int32_t> character_counts() const;

 private:
  struct Parts;
  explicit Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<const Parts> parts_;
};

}  // namespace aero::tokenizer
