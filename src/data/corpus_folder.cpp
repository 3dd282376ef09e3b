#include "corpus_folder.h"

#include "aero/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aero::data {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string names_of(const json& object) {
  std::string names;
  for (const auto& item : object.items()) {
    if (!item.value().empty()) names += (names.empty() ? "" : ", ") + item.key();
  }
  return names.empty() ? "none" : names;
}

std::optional<CorpusTokenizer> read_tokenizer(const json& manifest, const fs::path& folder) {
  if (!manifest.contains("tokenizer") || manifest["tokenizer"].is_null()) return std::nullopt;
  const json& entry = manifest["tokenizer"];
  CorpusTokenizer tokenizer;
  tokenizer.kind = entry.at("kind").get<std::string>();
  tokenizer.path = folder / entry.at("file").get<std::string>();
  tokenizer.vocab_size = entry.at("vocab_size").get<std::int64_t>();
  if (entry.contains("eos") && entry["eos"].is_string()) tokenizer.eos = entry["eos"];
  if (entry.contains("eos_id") && entry["eos_id"].is_number_integer()) {
    tokenizer.eos_id = entry["eos_id"].get<std::int64_t>();
  }
  return tokenizer;
}

SplitFiles parse_manifest(const json& manifest, const fs::path& path, const std::string& split) {
  if (manifest.at("format") != "aero-corpus" || manifest.at("version") != 1) {
    throw Error(path.string() + ": not a manifest of an AERO corpus, version 1 (format is " +
                manifest.at("format").dump() + ", version " + manifest.at("version").dump() +
                "). Run scripts/prepare_corpus.py");
  }
  const json& splits = manifest.at("splits");
  if (!splits.contains(split) || splits[split].empty()) {
    throw MissingSplit(path.string() + ": the corpus has no split '" + split +
                     "'; splits here: " + names_of(splits));
  }
  SplitFiles files;
  files.format = TokenFormat::aero;
  files.tokenizer = read_tokenizer(manifest, path.parent_path());
  if (files.tokenizer) files.tokenizer_sha256 = manifest["tokenizer"].value("sha256", "");
  for (const json& shard : splits[split]) {
    files.shards.push_back(path.parent_path() / shard.at("file").get<std::string>());
    files.expected_tokens.push_back(shard.at("tokens").get<std::int64_t>());
  }
  return files;
}

SplitFiles read_manifest(const fs::path& path, const std::string& split) {
  try {
    return parse_manifest(json::parse(read_file(path)), path, split);
  } catch (const json::exception& fault) {
    throw Error(path.string() + ": damaged manifest (" + fault.what() +
                "). Run scripts/prepare_corpus.py again");
  }
}

/// "val" is a part of fineweb_val_000000.bin and of val.bin, not of interval.bin.
bool names_split(const std::string& stem, const std::string& split) {
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  for (auto at = stem.find(split); at != std::string::npos; at = stem.find(split, at + 1)) {
    const auto end = at + split.size();
    if ((at == 0 || !is_letter(stem[at - 1])) && (end == stem.size() || !is_letter(stem[end]))) {
      return true;
    }
  }
  return false;
}

std::vector<fs::path> bin_shards(const fs::path& folder, const std::string& split) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".bin" && names_split(path.stem().string(), split)) {
      found.push_back(path);
    }
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

SplitFiles find_split(const fs::path& path, const std::string& split, TokenFormat format) {
  SplitFiles files;
  files.format = format;
  if (!fs::exists(path)) {
    throw UsageError(path.string() +
                     ": no such file or folder of tokens. Run scripts/prepare_corpus.py to make "
                     "one, or correct the path");
  }
  if (!fs::is_directory(path)) {
    files.shards = {path};
    return files;
  }
  const fs::path manifest = path / "manifest.json";
  const fs::path single = path / (split + ".bin");
  const bool foreign = format == TokenFormat::nanogpt || format == TokenFormat::llmc;
  if (!foreign && fs::exists(manifest)) return read_manifest(manifest, split);
  if (format != TokenFormat::aero) {
    files.shards = fs::exists(single) ? std::vector{single} : bin_shards(path, split);
  }
  if (files.shards.empty()) {
    throw MissingSplit(path.string() + ": no split '" + split +
                     "' here: looked for manifest.json "
                     "(AERO), " +
                     split + ".bin (nanoGPT) and *" + split +
                     "*.bin (llm.c). Run scripts/prepare_corpus.py, or correct the path");
  }
  return files;
}

}  // namespace aero::data
