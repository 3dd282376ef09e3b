#include "corpus_folder.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/data/missing_split.h"

#include "bin_files.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <set>

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

/// Returns the files that a manifest lists for all its splits. Throws Error if it lists one twice.
std::vector<fs::path> listed_files(const json& splits, const fs::path& manifest) {
  std::vector<fs::path> files;
  std::set<std::string> seen;
  for (const auto& shards : splits) {
    for (const json& shard : shards) {
      const auto name = shard.at("file").get<std::string>();
      if (!seen.insert(name).second) {
        throw Error(fmt::format(
            "{}: damaged manifest (it lists {} twice). Run scripts/prepare_corpus.py again",
            manifest.string(), name));
      }
      files.push_back(manifest.parent_path() / name);
    }
  }
  return files;
}

/// Refuses token files that the manifest of a folder does not list: they belong to another corpus.
void check_neighbours(const fs::path& manifest, const std::string& split,
                      const std::vector<fs::path>& listed) {
  std::set<std::string> names;
  for (const fs::path& path : listed) names.insert(path.filename().string());
  for (const BinFile& file : bin_files(manifest.parent_path(), split)) {
    if (names.contains(file.path.filename().string())) continue;
    throw UsageError(fmt::format(
        "{} does not list {}, which lies beside it: a folder holds one corpus. Remove one of them, "
        "or set data.format to aero (the manifest) or to the format of the .bin files",
        manifest.string(), file.path.filename().string()));
  }
}

SplitFiles parse_manifest(const json& manifest, const fs::path& path, const std::string& split,
                          TokenFormat format) {
  if (manifest.at("format") != "aero-corpus" || manifest.at("version") != 1) {
    throw Error(fmt::format(
        "{}: not a manifest of an AERO corpus, version 1 (format is {}, version {}). Run "
        "scripts/prepare_corpus.py",
        path.string(), manifest.at("format").dump(), manifest.at("version").dump()));
  }
  const json& splits = manifest.at("splits");
  const auto listed = listed_files(splits, path);
  require_distinct(listed);
  if (format == TokenFormat::automatic) check_neighbours(path, split, listed);
  if (!splits.contains(split) || splits[split].empty()) {
    throw MissingSplit(fmt::format("{}: the corpus has no split '{}'; splits here: {}",
                                   path.string(), split, names_of(splits)));
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

SplitFiles read_manifest(const fs::path& path, const std::string& split, TokenFormat format) {
  try {
    return parse_manifest(json::parse(read_file(path)), path, split, format);
  } catch (const json::exception& fault) {
    throw Error(fmt::format("{}: damaged manifest ({}). Run scripts/prepare_corpus.py again",
                            path.string(), fault.what()));
  }
}

}  // namespace

SplitFiles find_split(const fs::path& path, const std::string& split, TokenFormat format) {
  if (!fs::exists(path)) {
    throw UsageError(fmt::format(
        "{}: no such file or folder of tokens. Run scripts/prepare_corpus.py to make one, "
        "or correct the path",
        path.string()));
  }
  if (!fs::is_directory(path)) return single_file_split(path, split, format);
  const fs::path manifest = path / "manifest.json";
  const bool foreign = format == TokenFormat::nanogpt || format == TokenFormat::llmc;
  if (!foreign && fs::exists(manifest)) return read_manifest(manifest, split, format);
  SplitFiles files;
  if (format != TokenFormat::aero) files = bin_split(path, split, format);
  if (files.shards.empty()) {
    throw MissingSplit(fmt::format(
        "{0}: no split '{1}' here: looked for manifest.json (AERO), {1}.bin (nanoGPT) and "
        "*{1}*.bin (llm.c). Run scripts/prepare_corpus.py, or correct the path",
        path.string(), split));
  }
  return files;
}

}  // namespace aero::data
