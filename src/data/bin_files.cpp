#include "bin_files.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/data/missing_split.h"

#include "token_header.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

namespace aero::data {
namespace {

namespace fs = std::filesystem;

/// Whether a name contains a split as a word: fineweb_val_000000.bin and val.bin contain "val",
/// interval.bin does not.
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

/// Returns the split that a file's name contains; empty if it contains none.
std::string split_of(const fs::path& path, const std::string& wanted) {
  std::string found;
  for (const std::string& split : std::set<std::string>{"train", "val", wanted}) {
    if (!names_split(path.stem().string(), split)) continue;
    if (!found.empty()) {
      throw UsageError(
          fmt::format("{}: its name fits the splits '{}' and '{}'; rename it, so that it fits one",
                      path.string(), found, split));
    }
    found = split;
  }
  return found;
}

/// Whether a file has nanoGPT's name for a whole split, such as train.bin.
bool has_bare_name(const BinFile& file) {
  return file.path.filename() == file.split + ".bin";
}

/// The format of a file, with its name in messages. llm.c's names include the magic, which stands
/// for a tokenizer.
struct Kind {
  TokenFormat format;
  std::string name;
};

/// Finds the kind of a file. A file without a magic is nanoGPT's if its name is, and otherwise
/// refused.
Kind kind_of(const BinFile& file) {
  const std::string head = read_head(RandomAccessFile(file.path));
  const auto magic = head.size() < sizeof(std::uint32_t) ? 0 : load<std::uint32_t>(head, 0);
  if (const auto format = format_by_magic(head)) {
    if (*format == TokenFormat::aero) return {*format, "AERO"};
    return {*format, fmt::format("llm.c with magic {}", magic)};
  }
  if (has_bare_name(file)) return {TokenFormat::nanogpt, "nanoGPT"};
  throw UsageError(fmt::format(
      "{}: has no known format: its magic, {}, is neither AERO's nor llm.c's, and nanoGPT's "
      "raw files are named train.bin and val.bin. Remove it, or set data.format to nanogpt "
      "if it holds raw 16-bit tokens",
      file.path.string(), magic));
}

/// Returns the format that all files share.
TokenFormat common_format(const std::vector<BinFile>& files) {
  const BinFile& first = files.front();
  const Kind kind = kind_of(first);
  for (const BinFile& file : files) {
    const Kind other = kind_of(file);
    if (other.name == kind.name) continue;
    throw UsageError(fmt::format(
        "{} is a file of {} and {} one of {}: a corpus has one format. Remove one of them, "
        "or set data.format",
        first.path.string(), kind.name, file.path.string(), other.name));
  }
  return kind.format;
}

/// Refuses train.bin beside another file of its split, since either could be the split.
void check_bare_names(const std::vector<BinFile>& files) {
  for (const BinFile& bare : files) {
    if (!has_bare_name(bare)) continue;
    for (const BinFile& other : files) {
      if (other.split != bare.split || other.path == bare.path) continue;
      throw UsageError(fmt::format(
          "{} and {} both fit split '{}'. Remove one of them, or set data.format: nanogpt takes {} "
          "alone, llmc takes both",
          bare.path.string(), other.path.string(), bare.split, bare.path.filename().string()));
    }
  }
}

}  // namespace

std::vector<BinFile> bin_files(const fs::path& folder, const std::string& wanted) {
  std::vector<BinFile> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    // macOS puts a "._x" beside every x, and downloads begin as ".x".
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
  const std::string named = split_of(path, split);
  const std::string own = named.empty() ? "train" : named;
  if (own != split) {
    throw MissingSplit(fmt::format(
        "{}: no split '{}' here: a single file is one split, this one '{}'{}. Name a folder that "
        "holds both",
        path.string(), split, own, named.empty() ? ", since its name contains no other" : ""));
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
    if (::stat(file.c_str(), &status) != 0) continue;  // opening it will report the fault
    const auto [other, added] = seen.try_emplace({status.st_dev, status.st_ino}, file);
    if (added) continue;
    throw UsageError(fmt::format(
        "{} and {} are one file, which would be in the corpus twice; remove one of them",
        other->second.string(), file.string()));
  }
}

}  // namespace aero::data
