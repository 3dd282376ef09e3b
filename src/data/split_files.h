#pragma once

#include "aero/data/corpus_tokenizer.h"
#include "aero/data/token_format.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::data {

/// The shards of a split, and what a manifest says about them.
struct SplitFiles {
  std::vector<std::filesystem::path> shards;
  TokenFormat format = TokenFormat::automatic;
  std::vector<std::int64_t> expected_tokens;  ///< one a shard, or empty without a manifest
  std::string tokenizer_sha256;               ///< empty without a manifest
  std::optional<CorpusTokenizer> tokenizer;
};

}  // namespace aero::data
