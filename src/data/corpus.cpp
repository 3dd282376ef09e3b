#include "aero/data/corpus.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include "corpus_folder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace aero::data {
namespace {

std::int64_t samples_of(const TokenHeader& header, std::int64_t context) {
  if (header.layout == TokenLayout::chunk) return header.count / context;
  return header.count > 0 ? (header.count - 1) / context : 0;
}

void check_context(const TokenFile& shard, std::int64_t context) {
  const TokenHeader& header = shard.header();
  if (header.layout != TokenLayout::chunk || header.chunk_length == context) return;
  throw UsageError(fmt::format(
      "{0}: its chunks have {1} tokens, but model.context is {2}. Prepare the corpus again "
      "with --context {2}, or set model.context to {1}",
      shard.path().string(), header.chunk_length, context));
}

void check_against_manifest(const TokenFile& shard, std::size_t i, const SplitFiles& files) {
  const auto mixed = [&](const std::string& what) {
    throw Error(fmt::format(
        "{}: {} differs from the corpus's manifest.json: files of different preparations "
        "are mixed. Run scripts/prepare_corpus.py again",
        shard.path().string(), what));
  };
  if (!files.expected_tokens.empty() && files.expected_tokens[i] != shard.count()) {
    mixed(fmt::format("its token count, {},", shard.count()));
  }
  if (!files.tokenizer_sha256.empty() &&
      files.tokenizer_sha256 != shard.header().tokenizer_sha256) {
    mixed("the hash of its tokenizer");
  }
}

/// FNV-1a, 64 bits.
std::uint64_t hash(const std::string& bytes) {
  std::uint64_t state = 0xcbf29ce484222325U;
  for (const char c : bytes) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return state;
}

std::string hexadecimal(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

/// Finds the part that holds `position`, and the position where it begins. `ends` are the positions
/// where the parts end.
std::pair<std::size_t, std::int64_t> locate(const std::vector<std::int64_t>& ends,
                                            std::int64_t position) {
  const auto part = std::ranges::upper_bound(ends, position);
  return {static_cast<std::size_t>(part - ends.begin()), part == ends.begin() ? 0 : *(part - 1)};
}

}  // namespace

Corpus Corpus::open_split(const std::filesystem::path& path, const std::string& split,
                          std::int64_t context, std::int64_t vocab_size, TokenFormat format,
                          bool verify) {
  if (context <= 0) {
    throw UsageError(fmt::format("model.context is {}: it must be at least 1", context));
  }
  SplitFiles files = find_split(path, split, format);
  Corpus corpus(fmt::format("{} ({})", path.string(), split), context, vocab_size);
  corpus.tokenizer_ = std::move(files.tokenizer);
  for (std::size_t i = 0; i < files.shards.size(); ++i) {
    TokenFile shard(files.shards[i], files.format);
    check_against_manifest(shard, i, files);
    check_context(shard, context);
    shard.check_vocabulary(vocab_size);
    const std::int64_t largest = verify ? shard.verify(vocab_size) : -1;
    corpus.corpus_vocab_size_ =
        std::max({corpus.corpus_vocab_size_, shard.header().vocab_size, largest + 1});
    corpus.add(std::move(shard));
  }
  return corpus;
}

void Corpus::add(TokenFile shard) {
  if (!shards_.empty() && shard.header().layout != layout()) {
    throw Error(
        fmt::format("{}: its layout (stream or chunk) differs from that of {}. Run "
                    "scripts/prepare_corpus.py again",
                    shard.path().string(), shards_.front().path().string()));
  }
  if (!shards_.empty() && shard.header().width != shards_.front().header().width) {
    throw Error(fmt::format(
        "{}: its tokens have {} bytes, but those of {} have {}: the two files come from "
        "different tokenizers. Remove one of them",
        shard.path().string(), shard.header().width, shards_.front().path().string(),
        shards_.front().header().width));
  }
  const bool first = shards_.empty();
  sample_ends_.push_back((first ? 0 : size()) + samples_of(shard.header(), context_));
  token_ends_.push_back((first ? 0 : tokens()) + shard.count());
  shards_.push_back(std::move(shard));
}

void Corpus::sample(std::int64_t k, std::span<std::int64_t> inputs,
                    std::span<std::int64_t> targets) const {
  if (k < 0 || k >= size()) {
    throw Error(fmt::format("{}: cannot read sample {}; there are {}", name_, k, size()));
  }
  const auto [index, first] = locate(sample_ends_, k);
  const std::int64_t offset = (k - first) * context_;
  if (layout() == TokenLayout::chunk) {
    read_shard(index, offset, inputs);
    std::ranges::copy(inputs.subspan(1), targets.begin());
    targets.back() = ignored_target;
    return;
  }
  // One read for both: at short contexts, the calls of the system take longest.
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(context_) + 1);
  read_shard(index, offset, tokens);
  std::copy(tokens.begin(), tokens.end() - 1, inputs.begin());
  std::copy(tokens.begin() + 1, tokens.end(), targets.begin());
}

void Corpus::read_shard(std::size_t index, std::int64_t offset, std::span<std::int64_t> out) const {
  shards_[index].read(offset, out);
  shards_[index].check_tokens(offset, out, model_vocab_size_);
}

Batch Corpus::batch(std::span<const std::int64_t> indices) const {
  const auto rows = static_cast<std::int64_t>(indices.size());
  Batch batch{at::empty({rows, context_}, at::kLong), at::empty({rows, context_}, at::kLong)};
  const auto row = [this](at::Tensor& tensor, std::size_t i) {
    return std::span(tensor.data_ptr<std::int64_t>() + static_cast<std::int64_t>(i) * context_,
                     static_cast<std::size_t>(context_));
  };
  for (std::size_t i = 0; i < indices.size(); ++i) {
    sample(indices[i], row(batch.inputs, i), row(batch.targets, i));
  }
  return batch;
}

void Corpus::read(std::int64_t offset, std::span<std::int64_t> out) const {
  const auto length = static_cast<std::int64_t>(out.size());
  if (offset < 0 || length > tokens() || offset > tokens() - length) {
    throw Error(fmt::format("{}: cannot read tokens [{}, {}); there are {}", name_, offset,
                            offset + length, tokens()));
  }
  while (!out.empty()) {
    const auto [index, first] = locate(token_ends_, offset);
    const auto part =
        std::min<std::int64_t>(static_cast<std::int64_t>(out.size()), token_ends_[index] - offset);
    read_shard(index, offset - first, out.first(static_cast<std::size_t>(part)));
    out = out.subspan(static_cast<std::size_t>(part));
    offset += part;
  }
}

tokenizer::Identity Corpus::tokenizer_identity() const {
  return {shards_.front().header().tokenizer_sha256, "the corpus " + name_};
}

std::int64_t Corpus::characters() const {
  return std::transform_reduce(shards_.begin(), shards_.end(), std::int64_t{0}, std::plus<>{},
                               [](const TokenFile& shard) { return shard.header().characters; });
}

std::string Corpus::fingerprint() const {
  return fingerprint_of([](const TokenFile& shard) { return shard.identity(); });
}

bool Corpus::has_fingerprint(const std::string& fingerprint) const {
  return fingerprint == this->fingerprint() || fingerprint == former_fingerprint();
}

std::string Corpus::former_fingerprint() const {
  return fingerprint_of([](const TokenFile& shard) { return shard.former_identity(); });
}

std::string Corpus::fingerprint_of(std::string (*identity)(const TokenFile&)) const {
  std::string identities;
  for (const TokenFile& shard : shards_) identities += identity(shard) + '\n';
  return fmt::format("{} tokens in {} {}, {}", tokens(), shards_.size(),
                     shards_.size() == 1 ? "shard" : "shards", hexadecimal(hash(identities)));
}

void Corpus::require_samples(std::int64_t samples) const {
  if (size() >= samples) return;
  throw UsageError(
      fmt::format("{}: its {} tokens make {} samples of {} tokens, fewer than the {} of one batch. "
                  "Prepare more text, or lower the batch size or model.context",
                  name_, tokens(), size(), context_, samples));
}

}  // namespace aero::data
