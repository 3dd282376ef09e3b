#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace aero::data {

/// The tokenizer that a corpus was made with, as its manifest names it.
struct CorpusTokenizer {
  std::string kind;  ///< "bpe" (a tokenizer.json) or "sentencepiece"
  std::filesystem::path path;
  std::int64_t vocab_size = 0;
  std::string eos;
  std::optional<std::int64_t> eos_id;
};

}  // namespace aero::data
