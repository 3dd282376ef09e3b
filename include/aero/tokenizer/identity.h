#pragma once

#include <filesystem>
#include <string>

namespace aero::tokenizer {

/// Which tokenizer a corpus, a model or a file of a tokenizer speaks: token ids of another one mean
/// other text.
struct Identity {
  std::string sha256;  ///< of the tokenizer's file, 64 hexadecimal digits; empty: not known
  std::string owner;   ///< "the corpus data/mine (val)", for messages
};

/// That of a tokenizer.json or tokenizer.model. Throws Error when it cannot be read.
Identity identity_of(const std::filesystem::path& file);

/// Throws UsageError that names both where both are known and differ, and `permission`, the option
/// or key that lets them.
void require_same(const Identity& one, const Identity& other, const std::string& permission);

}  // namespace aero::tokenizer
