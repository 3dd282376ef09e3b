#include "tokenizer_file.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include "byte_level.h"
#include "unicode_additions.h"
#include "utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>

namespace aero::tokenizer {
namespace {

using nlohmann::json;

/// GPT-2's pattern, as ByteLevel applies it.
constexpr const char* gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

[[noreturn]] void unsupported(const std::string& part) {
  throw Error(fmt::format(
      "{} is not supported. AERO reads byte-level BPE tokenizers; scripts/prepare_corpus.py "
      "trains one",
      part));
}

std::string kind_of(const json& part, const std::string& name) {
  if (!part.is_object() || !part.contains("type"))
    unsupported(fmt::format("{} {}", name, part.dump()));
  return part["type"].get<std::string>();
}

/// Refuses unknown keys, since they may change the result.
void allow_keys(const json& part, const std::string& name,
                std::initializer_list<std::string_view> known) {
  for (const auto& item : part.items()) {
    if (std::ranges::find(known, item.key()) == known.end()) {
      unsupported(fmt::format("{}.{}", name, item.key()));
    }
  }
}

/// Refuses a setting unless it is off: absent, null, false, zero or empty.
void require_off(const json& part, const std::string& name, const char* key) {
  if (!part.contains(key)) return;
  const json& value = part[key];
  const bool off = value.is_null() || value == false || value == 0 || value == "";
  if (!off) unsupported(fmt::format("{}.{} = {}", name, key, value.dump()));
}

PreTokenizerStep byte_level(const json& part) {
  allow_keys(part, "pre_tokenizer ByteLevel",
             {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  PreTokenizerStep step;
  step.add_prefix_space = part.at("add_prefix_space").get<bool>();
  if (part.value("use_regex", true)) step.pattern = Regex::from_oniguruma(gpt2_pattern);
  return step;
}

SplitBehavior behavior_of(const std::string& name) {
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  unsupported("pre_tokenizer Split.behavior = " + name);
}

PreTokenizerStep split(const json& part) {
  allow_keys(part, "pre_tokenizer Split", {"type", "pattern", "behavior", "invert"});
  const json& pattern = part.at("pattern");
  PreTokenizerStep step;
  step.pattern = pattern.contains("String")
                     ? Regex::from_literal(pattern["String"].get<std::string>())
                     : Regex::from_oniguruma(pattern.at("Regex").get<std::string>());
  step.behavior = behavior_of(part.at("behavior").get<std::string>());
  step.invert = part.at("invert").get<bool>();
  return step;
}

PreTokenizerStep digits(const json& part) {
  allow_keys(part, "pre_tokenizer Digits", {"type", "individual_digits"});
  PreTokenizerStep step;
  step.pattern = Regex::from_pcre2('[' + numeric_class() + ']');
  step.behavior = part.at("individual_digits").get<bool>() ? SplitBehavior::isolated
                                                           : SplitBehavior::contiguous;
  return step;
}

PreTokenizerStep pre_tokenizer_step(const json& part) {
  const std::string kind = kind_of(part, "pre_tokenizer");
  if (kind == "ByteLevel") return byte_level(part);
  if (kind == "Split") return split(part);
  if (kind == "Digits") return digits(part);
  unsupported("pre_tokenizer " + kind);
}

std::vector<PreTokenizerStep> pre_tokenizer(const json& part) {
  const bool several = kind_of(part, "pre_tokenizer") == "Sequence";
  if (several) allow_keys(part, "pre_tokenizer Sequence", {"type", "pretokenizers"});
  const json parts = several ? part.at("pretokenizers") : json::array({part});
  // A step after ByteLevel would see the stand-ins for bytes instead of the text.
  const bool bytes_last = !parts.empty() && kind_of(parts.back(), "pre_tokenizer") == "ByteLevel";
  const auto byte_levels = std::ranges::count_if(
      parts, [](const json& one) { return kind_of(one, "pre_tokenizer") == "ByteLevel"; });
  if (!bytes_last || byte_levels != 1) {
    unsupported("a pre_tokenizer that does not end with its one ByteLevel");
  }
  std::vector<PreTokenizerStep> steps;
  for (const json& one : parts) steps.push_back(pre_tokenizer_step(one));
  return steps;
}

std::pair<std::string, std::string> merge_of(const json& entry) {
  if (entry.is_array() && entry.size() == 2) {
    return {entry[0].get<std::string>(), entry[1].get<std::string>()};
  }
  const auto text = entry.get<std::string>();
  const auto space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
    throw Error(fmt::format("merge '{}' is not two tokens with a space between them", text));
  }
  return {text.substr(0, space), text.substr(space + 1)};
}

Bpe::Id id_of(const json& value) {
  constexpr std::int64_t limit = 1 << 24;
  const auto id = value.is_number_integer() ? value.get<std::int64_t>() : std::int64_t{-1};
  if (id < 0 || id >= limit) throw Error(value.dump() + " is not an id of a token");
  return static_cast<Bpe::Id>(id);
}

/// Whether every byte is a token, so that no text is unknown.
bool has_every_byte(const json& vocab) {
  return std::ranges::all_of(byte_alphabet(), [&](char32_t c) {
    std::string token;
    append_utf8(token, c);
    return vocab.contains(token);
  });
}

void read_model(const json& model, TokenizerFile& file) {
  if (model.value("type", "BPE") != "BPE") {
    unsupported("model " + model["type"].get<std::string>());
  }
  allow_keys(model, "model",
             {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
              "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
  for (const char* key :
       {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"}) {
    require_off(model, "model", key);
  }
  const json& vocab = model.at("vocab");
  if (!has_every_byte(vocab)) require_off(model, "model", "unk_token");
  file.ignore_merges = model.value("ignore_merges", false);
  for (const auto& item : vocab.items()) file.vocab.emplace_back(item.key(), id_of(item.value()));
  for (const json& entry : model.at("merges")) {
    const bool is_comment =
        entry.is_string() && entry.get_ref<const std::string&>().starts_with("#version");
    if (!is_comment) file.merges.push_back(merge_of(entry));
  }
}

AddedToken added_token(const json& entry) {
  AddedToken token;
  token.id = id_of(entry.at("id"));
  token.content = entry.at("content").get<std::string>();
  token.single_word = entry.value("single_word", false);
  token.lstrip = entry.value("lstrip", false);
  token.rstrip = entry.value("rstrip", false);
  token.normalized = entry.value("normalized", true);
  token.special = entry.value("special", false);
  return token;
}

bool asks_for_nfc(const json& normalizer) {
  if (normalizer.is_null()) return false;
  const std::string kind = kind_of(normalizer, "normalizer");
  if (kind == "NFC") return true;
  if (kind != "Sequence") unsupported("normalizer " + kind);
  bool nfc = false;
  for (const json& part : normalizer.at("normalizers")) nfc = asks_for_nfc(part) || nfc;
  return nfc;
}

/// Accepts post-processors that move offsets, which AERO does not keep, or add special tokens,
/// which encode() leaves out.
void check_post_processor(const json& part) {
  if (part.is_null()) return;
  const std::string kind = kind_of(part, "post_processor");
  if (kind == "Sequence") {
    for (const json& one : part.at("processors")) check_post_processor(one);
  } else if (kind != "ByteLevel" && kind != "TemplateProcessing") {
    unsupported("post_processor " + kind);
  }
}

json part_of(const json& root, const char* name) {
  return root.value(name, json());
}

TokenizerFile parse(const json& root) {
  for (const char* key : {"truncation", "padding"}) require_off(root, "the file", key);
  const json decoder = part_of(root, "decoder");
  if (decoder.is_null() || kind_of(decoder, "decoder") != "ByteLevel") {
    unsupported("decoder " + (decoder.is_null() ? "null" : kind_of(decoder, "decoder")));
  }
  check_post_processor(part_of(root, "post_processor"));
  TokenizerFile file;
  read_model(root.at("model"), file);
  file.nfc = asks_for_nfc(part_of(root, "normalizer"));
  file.pre_tokenizer = pre_tokenizer(part_of(root, "pre_tokenizer"));
  for (const json& entry : root.value("added_tokens", json::array())) {
    file.added_tokens.push_back(added_token(entry));
  }
  return file;
}

}  // namespace

TokenizerFile read_tokenizer_file(const std::filesystem::path& path) {
  try {
    return parse(json::parse(read_file(path)));
  } catch (const json::exception& fault) {
    throw Error(fmt::format("{}: not a tokenizer.json of Hugging Face tokenizers ({})",
                            path.string(), fault.what()));
  } catch (const Error& fault) {
    const std::string message = fault.what();
    throw Error(message.find(path.string()) == std::string::npos
                    ? fmt::format("{}: {}", path.string(), message)
                    : message);
  }
}

}  // namespace aero::tokenizer
