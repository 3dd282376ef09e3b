#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aero::tokenizer {

/// Byte-pair encoding of one word at a time, in the order of Hugging Face `tokenizers`: the pair of
/// lowest rank first, the leftmost of equals. O(n log n) in the length of the word.
class Bpe {
 public:
  using Id = std::uint32_t;

  /// A pair of tokens, its rank, and the token it becomes.
  struct Merge {
    Id left = 0;
    Id right = 0;
    Id merged = 0;
  };

  /// `ids` maps the bytes of a token to its id. `merges` stand in order of rank; of equal pairs the
  /// last holds. With `whole_words` a word that is a token is not taken apart (`ignore_merges`).
  Bpe(std::unordered_map<std::string, Id> ids, const std::vector<Merge>& merges, bool whole_words);

  /// Appends the tokens of `word`. A byte that is no token is dropped, as `tokenizers` does where
  /// no unknown token is set.
  void encode(std::string_view word, std::vector<std::int64_t>& out) const;

 private:
  struct Rule {
    std::uint32_t rank = 0;
    Id merged = 0;
  };
  struct Symbol;
  struct Candidate;

  std::vector<Symbol> symbols_of(std::string_view word) const;
  const Rule* rule(Id left, Id right) const;

  std::unordered_map<std::string, Id> ids_;
  std::vector<std::int64_t> byte_ids_;
  std::unordered_map<std::uint64_t, Rule> rules_;
  bool whole_words_;
};

}  // namespace aero::tokenizer
