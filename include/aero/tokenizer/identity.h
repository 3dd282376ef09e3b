#pragma once

#include <filesystem>
#include <string>

namespace aero::tokenizer {

/// The tokenizer of a corpus, of a model or of a tokenizer file. The ids of another tokenizer stand
/// for other text.
struct Identity {
  std::string sha256;  ///< of the tokenizer file, 64 hexadecimal digits; empty: unknown
  std::string owner;   ///< "the corpus data/mine (val)", for messages
};

/// Returns the identity of a tokenizer.json or tokenizer.model. Throws Error if the file cannot be
/// read.
Identity identity_of(const std::filesystem::path& file);

/// Throws UsageError if both tokenizers are known and differ. The message names both, and
/// `permission`, the option or key that allows the difference.
void require_same(const Identity& one, const Identity& other, const std::string& permission);

}  // namespace aero::tokenizer
