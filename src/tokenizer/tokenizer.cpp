#include "aero/tokenizer/tokenizer.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include "byte_level.h"
#include "nfc.h"
#include "tokenizer_file.h"
#include "utf8.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

namespace aero::tokenizer {
namespace {

/// Keeps the ids of the words met so far in one text, since most words come again.
class WordCache {
 public:
  explicit WordCache(const Bpe& bpe) : bpe_(bpe) {}

  void encode(std::string_view word, std::vector<std::int64_t>& out) {
    constexpr std::size_t longest = 64;
    constexpr std::size_t most = 100'000;
    if (word.size() > longest) return bpe_.encode(word, out);
    key_.assign(word);
    auto found = known_.find(key_);
    if (found == known_.end()) {
      if (known_.size() == most) known_.clear();
      found = known_.emplace(key_, std::vector<std::int64_t>()).first;
      bpe_.encode(word, found->second);
    }
    out.insert(out.end(), found->second.begin(), found->second.end());
  }

 private:
  const Bpe& bpe_;
  std::string key_;
  std::unordered_map<std::string, std::vector<std::int64_t>> known_;
};

using Vocabulary = std::unordered_map<std::string, std::int64_t>;

/// Gives the added tokens the ids that `tokenizers` gives them: those of the model's vocabulary if
/// it has them, else the next free ids. A file with other ids is refused, since `tokenizers` would
/// read it differently.
void add_to(Vocabulary& vocabulary, const std::vector<AddedToken>& tokens) {
  auto next = static_cast<std::int64_t>(vocabulary.size());
  std::int64_t highest = -1;
  for (const AddedToken& token : tokens) {
    const auto known = vocabulary.find(token.content);
    const std::int64_t id = known != vocabulary.end() ? known->second : std::max(next, highest + 1);
    if (id != token.id) {
      throw Error(fmt::format(
          "added token '{}' has id {}, where tokenizers gives it {}. Save the tokenizer "
          "again with tokenizers",
          token.content, token.id, id));
    }
    vocabulary.emplace(token.content, id);
    highest = std::max(highest, id);
  }
}

Bpe make_bpe(const TokenizerFile& file, const Vocabulary& vocabulary) {
  const auto id_of = [&](const std::string& token) {
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) {
      throw Error(fmt::format("the merges name '{}', which the vocabulary lacks", token));
    }
    return static_cast<Bpe::Id>(found->second);
  };
  std::vector<Bpe::Merge> merges;
  merges.reserve(file.merges.size());
  for (const auto& [left, right] : file.merges) {
    merges.push_back({id_of(left), id_of(right), id_of(left + right)});
  }
  std::unordered_map<std::string, Bpe::Id> ids;
  for (const auto& [token, id] : file.vocab) {
    if (const auto bytes = bytes_of_token(token)) ids.emplace(*bytes, id);
  }
  return Bpe(std::move(ids), merges, file.ignore_merges);
}

AddedTokens make_matcher(const TokenizerFile& file, bool normalized) {
  std::vector<AddedToken> tokens;
  std::ranges::copy_if(file.added_tokens, std::back_inserter(tokens),
                       [&](const AddedToken& token) { return token.normalized == normalized; });
  if (normalized && file.nfc) {
    for (AddedToken& token : tokens) token.content = to_nfc(token.content);
  }
  return AddedTokens(std::move(tokens));
}

/// Returns the first byte of UTF-8 that has no token, so that texts lose it.
std::optional<int> byte_without_token(const TokenizerFile& file) {
  std::array<bool, 256> is_token{};
  for (const auto& [token, id] : file.vocab) {
    const auto bytes = bytes_of_token(token);
    if (bytes && bytes->size() == 1) is_token[static_cast<unsigned char>(bytes->front())] = true;
  }
  for (int byte = 0; byte <= 0xF4; ++byte) {
    const bool is_of_no_text = byte == 0xC0 || byte == 0xC1;
    if (!is_of_no_text && !is_token[static_cast<std::size_t>(byte)]) return byte;
  }
  return std::nullopt;
}

/// Says why a text and its tokens can differ in characters; empty if they cannot.
std::string character_change(const TokenizerFile& file) {
  if (const auto byte = byte_without_token(file)) {
    return fmt::format("its vocabulary has no token for the byte {}, which texts lose", *byte);
  }
  for (const PreTokenizerStep& step : file.pre_tokenizer) {
    if (step.add_prefix_space) return "its pre-tokenizer adds spaces (add_prefix_space)";
    if (step.pattern && step.behavior == SplitBehavior::removed) {
      return "its pre-tokenizer removes characters (Split, Removed)";
    }
  }
  for (const AddedToken& token : file.added_tokens) {
    // In a corpus the name of a special token is text.
    if (!token.special && (token.lstrip || token.rstrip)) {
      return fmt::format("its token '{}' takes white space along (lstrip, rstrip)", token.content);
    }
  }
  return "";
}

void remove_empty(std::vector<AddedToken>& tokens) {
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
}

}  // namespace

struct Tokenizer::Parts {
  Parts(TokenizerFile file, const Vocabulary& model_vocabulary, std::filesystem::path file_path)
      : path(std::move(file_path)),
        vocabulary(model_vocabulary),
        changes_characters(character_change(file)),
        bpe(make_bpe(file, model_vocabulary)),
        pre_tokenizer(std::move(file.pre_tokenizer)),
        verbatim(make_matcher(file, false)),
        normalized(make_matcher(file, true)),
        nfc(file.nfc) {
    add_to(vocabulary, file.added_tokens);
    std::int64_t last = -1;
    for (const auto& [token, id] : vocabulary) last = std::max(last, id);
    bytes.resize(static_cast<std::size_t>(last + 1));
    for (const auto& [token, id] : vocabulary) {
      std::string& slot = bytes[static_cast<std::size_t>(id)];
      if (!slot.empty()) throw Error(fmt::format("two tokens have the id {}", id));
      slot = bytes_of_token(token).value_or(token);
    }
    for (const AddedToken& token : file.added_tokens) {
      added.insert(token.id);
      if (token.special) specials.insert(token.id);
    }
  }

  /// Encodes a piece of text without added tokens.
  void encode_plain(std::string_view text, WordCache& words, std::vector<std::int64_t>& ids) const {
    pre_tokenizer.cut(text, [&](std::string_view word) { words.encode(word, ids); });
  }

  void encode_normalized(std::string_view text, bool special_is_text, WordCache& words,
                         std::vector<std::int64_t>& ids) const {
    normalized.cut(
        text, special_is_text, [&](const AddedToken& token) { ids.push_back(token.id); },
        [&](std::string_view piece) { encode_plain(piece, words, ids); });
  }

  std::filesystem::path path;
  Vocabulary vocabulary;
  std::string changes_characters;
  Bpe bpe;
  PreTokenizer pre_tokenizer;
  AddedTokens verbatim;
  AddedTokens normalized;
  bool nfc;
  std::vector<std::string> bytes;
  std::unordered_set<std::int64_t> added;
  std::unordered_set<std::int64_t> specials;
};

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  TokenizerFile file = read_tokenizer_file(path);
  remove_empty(file.added_tokens);
  const Vocabulary vocabulary(file.vocab.begin(), file.vocab.end());
  try {
    return Tokenizer(std::make_shared<const Parts>(std::move(file), vocabulary, path));
  } catch (const Error& fault) {
    throw Error(fmt::format("{}: {}", path.string(), fault.what()));
  }
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view utf8, SpecialNames names) const {
  const bool special_is_text = names == SpecialNames::text;
  const std::string text = to_valid_utf8(utf8);
  std::vector<std::int64_t> ids;
  WordCache words(parts_->bpe);
  parts_->verbatim.cut(
      text, special_is_text, [&](const AddedToken& token) { ids.push_back(token.id); },
      [&](std::string_view piece) {
        if (parts_->nfc) {
          parts_->encode_normalized(to_nfc(piece), special_is_text, words, ids);
        } else {
          parts_->encode_normalized(piece, special_is_text, words, ids);
        }
      });
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  for (const std::int64_t id : ids) {
    if (!skip_special || !parts_->specials.contains(id)) bytes += token_bytes(id);
  }
  return to_valid_utf8(bytes);
}

std::int64_t Tokenizer::vocab_size() const {
  return static_cast<std::int64_t>(parts_->bytes.size());
}

std::optional<std::int64_t> Tokenizer::token_id(std::string_view content) const {
  const auto found = parts_->vocabulary.find(std::string(content));
  if (found == parts_->vocabulary.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> Tokenizer::eos() const {
  constexpr std::array<std::string_view, 6> names = {"<|endoftext|>", "<|end_of_text|>", "</s>",
                                                     "<eos>",         "<|eos|>",         "[EOS]"};
  for (const std::string_view name : names) {
    const auto id = token_id(name);
    if (!id) continue;
    // A tokenizer that has seen HTML may have learned "</s>" as a piece of text.
    const bool is_text = !parts_->added.contains(*id) && encode(name) == std::vector{*id};
    if (!is_text) return id;
  }
  return std::nullopt;
}

std::string_view Tokenizer::token_bytes(std::int64_t id) const {
  if (id < 0 || id >= vocab_size()) return {};
  return parts_->bytes[static_cast<std::size_t>(id)];
}

std::vector<std::int32_t> Tokenizer::character_counts() const {
  if (!parts_->changes_characters.empty()) {
    throw Error(fmt::format("{}: {}, so that its tokens do not show how many characters a text has",
                            parts_->path.string(), parts_->changes_characters));
  }
  std::vector<std::int32_t> counts;
  counts.reserve(parts_->bytes.size());
  for (const std::string& token : parts_->bytes) {
    counts.push_back(static_cast<std::int32_t>(std::ranges::count_if(
        token, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; })));
  }
  for (const std::int64_t id : parts_->specials) counts[static_cast<std::size_t>(id)] = 0;
  if (const auto id = eos()) counts[static_cast<std::size_t>(*id)] = 0;
  return counts;
}

}  // namespace aero::tokenizer
