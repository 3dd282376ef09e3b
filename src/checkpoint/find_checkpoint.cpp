#include "aero/checkpoint/run_folder.h"
#include "aero/core/error.h"

#include "layout.h"
#include <algorithm>

namespace aero::checkpoint {
namespace {

namespace fs = std::filesystem;

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > most ? text + ", ..." : text;
}

/// The nearest folder above `path` that exists, with what it holds.
std::string what_is_there(fs::path path) {
  std::error_code error;
  path = fs::absolute(path, error).lexically_normal();
  while (!fs::is_directory(path, error) && path != path.root_path()) path = path.parent_path();
  std::vector<std::string> names;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory(error) && !name.starts_with('.')) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return "'" + path.string() + "' holds " + (names.empty() ? "no folder" : listed(names));
}

/// The run that `path` is, or whose "checkpoints" or "checkpoints/best" it is.
fs::path run_of(const fs::path& path) {
  std::error_code ignored;
  if (path.filename() == "checkpoints") return path.parent_path();
  if (path.filename() == "best" && fs::is_regular_file(path, ignored)) {
    return fs::absolute(path, ignored).parent_path().parent_path();
  }
  return path;
}

/// Weights and config suffice to evaluate or to sample; only a resume needs the rest.
bool holds_model(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / weights_name, ignored) &&
         fs::is_regular_file(path / config_name, ignored);
}

[[noreturn]] void fail(const fs::path& path, const RunFolder& run) {
  std::error_code ignored;
  const std::string name = "'" + path.string() + "'";
  if (!fs::exists(path, ignored)) {
    throw Error("cannot find a checkpoint: " + name + " does not exist; " + what_is_there(path));
  }
  if (!fs::is_directory(path, ignored)) {
    throw Error("cannot find a checkpoint: " + name +
                " is a file; name a run folder or a checkpoint folder");
  }
  const auto missing = missing_files(path);
  const bool is_run = fs::exists(run.checkpoints(), ignored);
  if (!is_run && missing.size() < checkpoint_files.size()) {
    throw Error(name + " is no whole checkpoint: it lacks " + listed(missing));
  }
  throw Error("cannot find a checkpoint in " + name + ": neither " +
              listed({checkpoint_files.begin(), checkpoint_files.end()}) + " nor a whole " +
              (run.checkpoints() / "step-NNNNNNNN").string() + "; " +
              what_is_there(is_run ? run.checkpoints() : path));
}

}  // namespace

fs::path find_checkpoint(const fs::path& run_or_checkpoint) {
  fs::path path = run_or_checkpoint;
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  if (holds_model(path)) return path;
  const RunFolder run(run_of(path));
  std::error_code ignored;
  if (fs::is_directory(run.checkpoints(), ignored)) {
    if (const auto best = run.best()) return *best;
    if (const auto latest = run.latest()) return *latest;
  }
  fail(path, run);
}

}  // namespace aero::checkpoint
