#include "aero/runs/find_checkpoint.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/runs/layout.h"

#include "folder_kind.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

namespace aero::runs {
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

/// Says what the nearest existing folder above `path` holds.
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
  return fmt::format("'{}' holds {}", path.string(), names.empty() ? "no folder" : listed(names));
}

/// Weights and config suffice to evaluate or to sample; only a resume needs the rest.
constexpr std::array<const char*, 2> model_files = {weights_name, config_name};

const std::string model_files_text = std::string(weights_name) + " and " + config_name;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool holds_model(const fs::path& path) {
  return std::ranges::all_of(model_files, [&](const char* name) { return is_file(path / name); });
}

/// Resolves the links and dots of a path, so that the names of the folders around it are known.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  return error ? path : real;
}

/// Returns the run whose "checkpoints" or "checkpoints/best" a path is, else the path.
fs::path run_of(const fs::path& path) {
  if (path.filename() == checkpoints_name) return path.parent_path();
  const fs::path real = resolved(path);
  if (real.filename() == checkpoints_name) return real.parent_path();
  const bool is_mark = real.filename() == best_name && is_file(real);
  return is_mark ? real.parent_path().parent_path() : path;
}

/// Finds the checkpoint folders of a run that hold a model, by step.
std::map<std::int64_t, fs::path> models_of(const fs::path& run) {
  std::map<std::int64_t, fs::path> models;
  std::error_code error;
  fs::directory_iterator entry(run / checkpoints_name, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto step = step_of(entry->path().filename().string());
    if (step && holds_model(entry->path())) models.emplace(*step, entry->path());
  }
  return models;
}

std::optional<std::int64_t> best_step(const fs::path& run) {
  const fs::path mark = run / checkpoints_name / best_name;
  if (!is_file(mark)) return std::nullopt;
  std::string name = read_file(mark);
  name.erase(name.find_last_not_of(" \r\n") + 1);
  return step_of(name);
}

/// Returns the best of a run's models, else the latest.
std::optional<fs::path> chosen_model(const fs::path& run) {
  const auto models = models_of(run);
  if (models.empty()) return std::nullopt;
  const auto best = best_step(run);
  const auto marked = best ? models.find(*best) : models.end();
  return marked != models.end() ? marked->second : models.rbegin()->second;
}

fs::path without_slash(const fs::path& path) {
  return !path.has_filename() && path.has_relative_path() ? path.parent_path() : path;
}

std::optional<fs::path> model_at(const fs::path& path) {
  // Weights beside a foreign config would fail at every key of that config.
  if (holds_model(path) && !is_hugging_face_model(path)) return path;
  if (const auto model = chosen_model(path)) return model;
  return chosen_model(run_of(path));
}

[[noreturn]] void fail(const fs::path& path, const fs::path& run) {
  std::error_code ignored;
  const std::string name = fmt::format("'{}'", path.string());
  const fs::path checkpoints = run / checkpoints_name;
  if (!fs::exists(path, ignored)) {
    throw Error(
        fmt::format("cannot find a checkpoint: {} does not exist; {}", name, what_is_there(path)));
  }
  if (!fs::is_directory(path, ignored)) {
    throw Error(fmt::format(
        "cannot find a checkpoint: {} is a file; name a run folder or a checkpoint folder", name));
  }
  if (const auto kind = other_kind(path); !kind.empty())
    throw Error(fmt::format("{} {}", name, kind));
  if (fs::exists(checkpoints, ignored)) {
    throw Error(fmt::format("cannot find a checkpoint in '{}': no step-NNNNNNNN there holds {}; {}",
                            checkpoints.string(), model_files_text, what_is_there(checkpoints)));
  }
  for (const char* present : model_files) {
    if (is_file(path / present)) {
      const char* const absent = present == config_name ? weights_name : config_name;
      throw Error(fmt::format("{} is not a checkpoint: it lacks {}", name, absent));
    }
  }
  throw Error(fmt::format("cannot find a checkpoint in {}: it has neither {} nor a folder {}; {}",
                          name, model_files_text, checkpoints.string(), what_is_there(path)));
}

}  // namespace

fs::path find_checkpoint(const fs::path& run_or_checkpoint) {
  const auto path = without_slash(run_or_checkpoint);
  if (const auto model = model_at(path)) return *model;
  fail(path, run_of(path));
}

fs::path find_config(const fs::path& run_or_checkpoint) {
  const auto path = without_slash(run_or_checkpoint);
  if (const auto model = model_at(path)) return *model / config_name;
  if (is_file(path / config_name) && !is_hugging_face_model(path)) return path / config_name;
  fail(path, run_of(path));
}

std::optional<fs::path> run_around(const fs::path& checkpoint) {
  for (const auto& path : {resolved(checkpoint), fs::absolute(checkpoint)}) {
    const fs::path folder = path.parent_path();
    const bool is_place =
        folder.filename() == checkpoints_name && step_of(path.filename().string());
    if (is_place) return folder.parent_path();
  }
  return std::nullopt;
}

}  // namespace aero::runs
