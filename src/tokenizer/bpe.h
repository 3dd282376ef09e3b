#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aero::tokenizer {

/// Encodes one word at a time by byte pairs, in the order of Hugging Face `tokenizers`: the pair of
/// lowest rank first, and of equal ranks the leftmost. Takes O(n log n) in the length of the word.
class Bpe {
 public:
  using Id = std::uint32_t;

  /// A pair of tokens, its rank, and the token it becomes.
  struct Merge {
    Id left = 0;
    Id right = 0;
    Id merged = 0;
  };

  /// `ids` maps the bytes of a token to its id. `merges` are in order of rank; of equal pairs the
  /// last counts. With `whole_words` a word that is a token stays whole (`ignore_merges`).
  Bpe(std::unordered_map<std::string, Id> ids, const std::vector<Merge>& merges, bool whole_words);

  /// Appends the tokens of `word`. A byte without a token is dropped, as `tokenizers` does if no
  /// unknown token is set.
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
