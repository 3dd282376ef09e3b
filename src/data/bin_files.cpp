#include "bin_files.h"

#include "aero/core/error.h"
#include "aero/data/missing_split.h"

#include "token_header.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

namespace aero::data {
namespace {

namespace fs = std::filesystem;

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

/// The split that the name of a file tells; empty where it tells none.
std::string split_of(const fs::path& path, const std::string& wanted) {
  std::string found;
  for (const std::string& split : std::set<std::string>{"train", "val", wanted}) {
    if (!names_split(path.stem().string(), split)) continue;
    if (!found.empty()) {
      throw UsageError(path.string() + ": its name fits the splits '" + found + "' and '" + split +
                       "'; rename it, so that it fits one");
    }
    found = split;
  }
  return found;
}

/// train.bin, nanoGPT's name for all of a split.
bool has_bare_name(const BinFile& file) {
  return file.path.filename() == file.split + ".bin";
}

/// What a file is: its format, and for llm.c's the tokenizer that its magic stands for.
struct Kind {
  TokenFormat format;
  std::string name;
};

/// A raw file is nanoGPT's where its name is, and foreign elsewhere.
Kind kind_of(const BinFile& file) {
  const std::string head = read_head(RandomAccessFile(file.path));
  const auto magic = head.size() < sizeof(std::uint32_t) ? 0 : load<std::uint32_t>(head, 0);
  if (const auto format = format_by_magic(head)) {
    if (*format == TokenFormat::aero) return {*format, "AERO"};
    return {*format, "llm.c with magic " + std::to_string(magic)};
  }
  if (has_bare_name(file)) return {TokenFormat::nanogpt, "nanoGPT"};
  throw UsageError(file.path.string() + ": of no known format: its magic, " +
                   std::to_string(magic) +
                   ", is neither AERO's nor llm.c's, and nanoGPT's raw files are named train.bin "
                   "and val.bin. Take it out, or set data.format to nanogpt where it holds raw "
                   "16-bit tokens");
}

/// The one format of all files.
TokenFormat common_format(const std::vector<BinFile>& files) {
  const BinFile& first = files.front();
  const Kind kind = kind_of(first);
  for (const BinFile& file : files) {
    const Kind other = kind_of(file);
    if (other.name == kind.name) continue;
    throw UsageError(first.path.string() + " is a file of " + kind.name + " and " +
                     file.path.string() + " one of " + other.name +
                     ": a corpus has one format. Take one of them out, or set data.format");
  }
  return kind.format;
}

/// Of train.bin and another file of that split, which is the split?
void check_bare_names(const std::vector<BinFile>& files) {
  for (const BinFile& bare : files) {
    if (!has_bare_name(bare)) continue;
    for (const BinFile& other : files) {
      if (other.split != bare.split || other.path == bare.path) continue;
      throw UsageError(bare.path.string() + " and " + other.path.string() + " both fit split '" +
                       bare.split + "'. Take one of them out, or set data.format: nanogpt takes " +
                       bare.path.filename().string() + " alone, llmc takes both");
    }
  }
}

}  // namespace

std::vector<BinFile> bin_files(const fs::path& folder, const std::string& wanted) {
  std::vector<BinFile> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    // macOS puts a "._x" beside every x; downloads begin as ".x".
    const bool hidden = path.filename().string().starts_with('.');
    if (path.extension() != ".bin" || hidden) continue;
    const std::string split = split_of(path, wanted);
    if (!split.empty()) found.push_back({path, split});
  }
  std::ranges::sort(found, {}, &BinFile::path);
  return found;
}

SplitFiles bin_split(const fs::path& folder, const std::string& split, TokenFormat format) {
  const auto files = bin_files(folder, split);
  SplitFiles result;
  result.format = format;
  if (files.empty()) return result;
  if (format == TokenFormat::automatic) {
    check_bare_names(files);
    result.format = common_format(files);
  }
  std::vector<fs::path> all;
  for (const BinFile& file : files) {
    all.push_back(file.path);
    if (file.split == split) result.shards.push_back(file.path);
  }
  require_distinct(all);
  if (format == TokenFormat::nanogpt) {
    const auto bare = std::ranges::find(result.shards, folder / (split + ".bin"));
    if (bare != result.shards.end()) result.shards = {*bare};
  }
  return result;
}

SplitFiles single_file_split(const fs::path& path, const std::string& split, TokenFormat format) {
  const std::string told = split_of(path, split);
  const std::string own = told.empty() ? "train" : told;
  if (own != split) {
    throw MissingSplit(path.string() + ": no split '" + split +
                       "' here: a single file is one split, this one '" + own +
                       (told.empty() ? "', as its name tells no other" : "'") +
                       ". Name a folder that holds both");
  }
  SplitFiles files;
  files.shards = {path};
  files.format = format;
  if (format == TokenFormat::automatic && path.extension() == ".bin") {
    files.format = kind_of({path, own}).format;
  }
  return files;
}

void require_distinct(const std::vector<fs::path>& files) {
  std::map<std::pair<dev_t, ino_t>, fs::path> seen;
  for (const fs::path& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) continue;  // whoever opens it says so
    const auto [other, added] = seen.try_emplace({status.st_dev, status.st_ino}, file);
    if (added) continue;
    throw UsageError(other->second.string() + " and " + file.string() +
                     " are one file, which would be in the corpus twice; remove one of them");
  }
}

}  // namespace aero::data
