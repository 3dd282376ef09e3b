#pragma once

#include "added_tokens.h"
#include "bpe.h"
#include "pre_tokenizer.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace aero::tokenizer {

/// The checked content of a tokenizer.json, of which AERO supports every part.
struct TokenizerFile {
  std::vector<std::pair<std::string, Bpe::Id>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;
  bool ignore_merges = false;
  bool nfc = false;
  std::vector<AddedToken> added_tokens;
  std::vector<PreTokenizerStep> pre_tokenizer;
};

/// Reads a tokenizer.json. Throws Error that names the file and the part that is damaged or not
/// supported.
TokenizerFile read_tokenizer_file(const std::filesystem::path& path);

}  // namespace aero::tokenizer
