#pragma once

#include "aero/data/corpus_tokenizer.h"
#include "aero/data/missing_split.h"
#include "aero/data/token_file.h"
#include "aero/tokenizer/identity.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace aero::data {

/// The target of a position without a next token, which cross-entropy leaves out.
inline constexpr std::int64_t ignored_target = -100;

struct Batch {
  at::Tensor inputs;   ///< [B, T] int64
  at::Tensor targets;  ///< [B, T] int64: the next tokens, or ignored_target
};

/// One split ("train", "val") of a corpus: its shards in order, cut into samples of T tokens.
///
/// Stream shards of n tokens give floor((n - 1) / T) samples; sample k has the inputs
/// [kT, kT + T) and the targets [kT + 1, kT + T + 1). Chunk shards give n / T samples; the last
/// target of each is ignored_target.
class Corpus {
 public:
  /// Opens a folder that holds AERO's manifest.json, nanoGPT's <split>.bin, or llm.c's
  /// *<split>*.bin shards; or a single token file, which is the split that its name contains, else
  /// "train". All token files of a folder must belong to one corpus: with `format` automatic, files
  /// of two formats, of an unknown format, or of an ambiguous split are refused. Checks the
  /// vocabulary in the headers against `vocab_size` and, with `verify`, every token. Throws
  /// UsageError if nothing is found (MissingSplit if only the split is missing), if the corpus is
  /// ambiguous, or if a chunk length differs from `context`; throws Error for a damaged file.
  static Corpus open_split(const std::filesystem::path& path, const std::string& split,
                           std::int64_t context, std::int64_t vocab_size,
                           TokenFormat format = TokenFormat::automatic, bool verify = true);

  /// Returns the number of samples of T tokens.
  std::int64_t size() const { return sample_ends_.back(); }
  std::int64_t context() const { return context_; }
  TokenLayout layout() const { return shards_.front().header().layout; }

  /// Fills T inputs and T targets with sample k. Throws Error if k is not below size().
  void sample(std::int64_t k, std::span<std::int64_t> inputs,
              std::span<std::int64_t> targets) const;

  /// Returns the samples with these indices; both tensors are [B, T].
  Batch batch(std::span<const std::int64_t> indices) const;

  /// Return the number of tokens of the split, and read a range of them across its shards. read()
  /// throws Error beyond the end, and for a token beyond the model's vocabulary, which a changed
  /// file may hold.
  std::int64_t tokens() const { return token_ends_.back(); }
  void read(std::int64_t offset, std::span<std::int64_t> out) const;

  /// Returns the size of the corpus's vocabulary: as its headers say, else one more than the
  /// largest token if all were verified, else 0.
  std::int64_t vocab_size() const { return corpus_vocab_size_; }

  /// Returns the tokenizer that the headers name; it has no hash if the format has none.
  tokenizer::Identity tokenizer_identity() const;

  /// Returns the number of Unicode characters of the text behind the tokens; 0 if the format does
  /// not say.
  std::int64_t characters() const;

  const std::vector<TokenFile>& shards() const { return shards_; }
  const std::optional<CorpusTokenizer>& tokenizer() const { return tokenizer_; }

  /// Returns a line that identifies the data. A run resumes only on data with the same line.
  std::string fingerprint() const;
  /// Returns the fingerprint in the form of earlier states.
  std::string former_fingerprint() const;
  /// Whether the data has this fingerprint, in either form.
  bool has_fingerprint(const std::string& fingerprint) const;

  /// Throws UsageError if there are fewer than `samples` samples, the number that one batch needs.
  void require_samples(std::int64_t samples) const;

 private:
  Corpus(std::string name, std::int64_t context, std::int64_t vocab_size)
      : name_(std::move(name)), context_(context), model_vocab_size_(vocab_size) {}
  void add(TokenFile shard);
  std::string fingerprint_of(std::string (*identity)(const TokenFile&)) const;
  void read_shard(std::size_t index, std::int64_t offset, std::span<std::int64_t> out) const;

  std::string name_;
  std::int64_t context_;
  std::int64_t model_vocab_size_;
  std::int64_t corpus_vocab_size_ = 0;
  std::vector<TokenFile> shards_;
  std::vector<std::int64_t> sample_ends_;
  std::vector<std::int64_t> token_ends_;
  std::optional<CorpusTokenizer> tokenizer_;
};

}  // namespace aero::data
