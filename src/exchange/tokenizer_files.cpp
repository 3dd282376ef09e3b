#include "tokenizer_files.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/tokenizer/tokenizer.h"

#include "settings_reader.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <set>
#include <sstream>

namespace aero::exchange {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The names of special tokens in special_tokens_map.json and tokenizer_config.json, where a token
/// is a text or an object with its "content".
std::set<std::string> special_tokens(const fs::path& folder) {
  std::set<std::string> tokens{"<|endoftext|>"};  // transformers' default
  for (const char* name : {"special_tokens_map.json", "tokenizer_config.json"}) {
    if (!fs::exists(folder / name)) continue;
    const auto root = json::parse(read_file(folder / name), nullptr, /*allow_exceptions=*/false);
    for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
      if (!root.is_object() || !root.contains(key)) continue;
      const auto& value = root[key];
      if (value.is_string()) tokens.insert(value.get<std::string>());
      if (value.is_object() && value.contains("content") && value["content"].is_string()) {
        tokens.insert(value["content"].get<std::string>());
      }
    }
  }
  return tokens;
}

json read_vocabulary(const fs::path& file) {
  auto vocabulary = json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!vocabulary.is_object()) {
    throw Error(fmt::format("{}: is damaged: it is no JSON object", file.string()));
  }
  return vocabulary;
}

/// Reads one merge a line, two tokens with a space between.
json read_merges(const fs::path& file) {
  json merges = json::array();
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && !(merges.empty() && line.starts_with("#version"))) merges.push_back(line);
  }
  return merges;
}

/// Adds the special tokens, and those of added_tokens.json, which may be new to the vocabulary.
json added_tokens(const fs::path& folder, const json& vocabulary) {
  std::map<std::int64_t, std::string> by_id;
  for (const auto& token : special_tokens(folder)) {
    const auto found = vocabulary.find(token);
    if (found != vocabulary.end() && found->is_number_integer()) by_id[*found] = token;
  }
  if (fs::exists(folder / "added_tokens.json")) {
    const SettingsReader added(folder / "added_tokens.json");
    for (const auto& name : added.keys()) by_id[added.integer(name, 0)] = name;
  }
  json result = json::array();
  for (const auto& [id, token] : by_id) {
    result.push_back({{"id", id},
                      {"content", token},
                      {"single_word", false},
                      {"lstrip", false},
                      {"rstrip", false},
                      {"normalized", false},
                      {"special", true}});
  }
  return result;
}

/// Returns what transformers makes of vocab.json and merges.txt (GPT2Converter).
std::string from_vocabulary(const fs::path& folder) {
  bool adds_space = false;
  if (fs::exists(folder / "tokenizer_config.json")) {
    adds_space = SettingsReader(folder / "tokenizer_config.json").flag("add_prefix_space", false);
  }
  const auto vocabulary = read_vocabulary(folder / "vocab.json");
  const json byte_level{{"type", "ByteLevel"},
                        {"add_prefix_space", adds_space},
                        {"trim_offsets", true},
                        {"use_regex", true}};
  const json post_processor{{"type", "ByteLevel"},
                            {"add_prefix_space", true},
                            {"trim_offsets", false},
                            {"use_regex", true}};
  const json model{{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"continuing_subword_prefix", ""},
                   {"end_of_word_suffix", ""},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"vocab", vocabulary},
                   {"merges", read_merges(folder / "merges.txt")}};
  const json root{{"version", "1.0"},
                  {"truncation", nullptr},
                  {"padding", nullptr},
                  {"added_tokens", added_tokens(folder, vocabulary)},
                  {"normalizer", nullptr},
                  {"pre_tokenizer", byte_level},
                  {"post_processor", post_processor},
                  {"decoder", post_processor},
                  {"model", model}};
  return root.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string tokenizer_of(const fs::path& folder) {
  const auto file = folder / "tokenizer.json";
  if (fs::exists(file)) {
    tokenizer::Tokenizer::load(file);  // refuses what AERO cannot read
    return read_file(file);
  }
  const bool has_vocabulary = fs::exists(folder / "vocab.json");
  const bool has_merges = fs::exists(folder / "merges.txt");
  if (has_vocabulary != has_merges) {
    throw Error(fmt::format("{}: holds {} but no {}; the tokenizer needs both", folder.string(),
                            has_vocabulary ? "vocab.json" : "merges.txt",
                            has_vocabulary ? "merges.txt" : "vocab.json"));
  }
  return has_vocabulary ? from_vocabulary(folder) : "";
}

}  // namespace aero::exchange
