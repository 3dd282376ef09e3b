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

/// The target of a position that has no next token: cross-entropy leaves it out.
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
  /// *<split>*.bin shards; or a single token file, which is one split: the one that its name tells,
  /// else "train". All token files of a folder must be of one corpus: with `format` automatic those
  /// of two formats, of an unknown one, or of a split in doubt are refused. Checks the vocabulary
  /// in the headers against `vocab_size` and, with `verify`, every token. Throws UsageError that
  /// names what was looked for (MissingSplit where only the split is missing) or what is in doubt,
  /// or that a chunk length differs from `context`; throws Error for a damaged file.
  static Corpus open_split(const std::filesystem::path& path, const std::string& split,
                           std::int64_t context, std::int64_t vocab_size,
                           TokenFormat format = TokenFormat::automatic, bool verify = true);

  /// Samples of T tokens.
  std::int64_t size() const { return sample_ends_.back(); }
  std::int64_t context() const { return context_; }
  TokenLayout layout() const { return shards_.front().header().layout; }

  /// Fills T inputs and T targets with sample k. Throws Error when k is not below size().
  void sample(std::int64_t k, std::span<std::int64_t> inputs,
              std::span<std::int64_t> targets) const;

  /// The samples with these indices: both tensors [B, T].
  Batch batch(std::span<const std::int64_t> indices) const;

  /// All tokens of the split, shards joined, and any range of them. read() throws Error beyond the
  /// end, and for a token beyond the model's vocabulary, which a changed file may hold.
  std::int64_t tokens() const { return token_ends_.back(); }
  void read(std::int64_t offset, std::span<std::int64_t> out) const;

  /// How many tokens the corpus's vocabulary has: what its headers say, else one more than the
  /// largest token where all were verified, else 0.
  std::int64_t vocab_size() const { return corpus_vocab_size_; }

  /// The tokenizer of the tokens, as their headers say; without a hash for formats that do not.
  tokenizer::Identity tokenizer_identity() const;

  /// Unicode characters of the text behind the tokens; 0 where the format does not say.
  std::int64_t characters() const;

  const std::vector<TokenFile>& shards() const { return shards_; }
  const std::optional<CorpusTokenizer>& tokenizer() const { return tokenizer_; }

  /// A line that tells this data from other data: a run resumes only where it is the same.
  std::string fingerprint() const;
  /// That in the form of earlier states.
  std::string former_fingerprint() const;
  /// Whether it is the one of this fingerprint, in either form.
  bool has_fingerprint(const std::string& fingerprint) const;

  /// Throws UsageError when there are fewer than `samples` samples, as one batch needs.
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
