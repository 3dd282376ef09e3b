#pragma once

#include "tests/data/token_bytes.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace aero::data::test {

inline std::vector<std::int64_t> counting(std::int64_t first, std::size_t count) {
  std::vector<std::int64_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

inline nlohmann::json manifest_of(const nlohmann::json& splits) {
  return {{"format", "aero-corpus"},
          {"version", 1},
          {"splits", splits},
          {"layout", "stream"},
          {"tokenizer",
           {{"kind", "bpe"},
            {"file", "tokenizer.json"},
            {"vocab_size", 100},
            {"eos", "<|endoftext|>"},
            {"eos_id", 0}}}};
}

inline nlohmann::json shard(const std::string& file, int tokens) {
  return {{"file", file}, {"tokens", tokens}, {"documents", 3}, {"sha256", ""}};
}

/// Two stream shards of 8 and 5 tokens: 0…7 and 20…24.
inline void write_stream(const Folder& folder) {
  folder.write("train-0.tok", AeroFile{.tokens = counting(0, 8), .characters = 30}.bytes());
  folder.write("train-1.tok", AeroFile{.tokens = counting(20, 5), .characters = 12}.bytes());
  folder.write("manifest.json",
               manifest_of({{"train", {shard("train-0.tok", 8), shard("train-1.tok", 5)}},
                            {"val", nlohmann::json::array()}})
                   .dump());
}

}  // namespace aero::data::test
