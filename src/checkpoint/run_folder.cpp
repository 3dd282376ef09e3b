#include "aero/checkpoint/run_folder.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/files.h"

#include "layout.h"
#include "training_state.h"
#include <algorithm>

namespace aero::checkpoint {
namespace {

namespace fs = std::filesystem;

fs::path best_file(const RunFolder& run) {
  return run.checkpoints() / "best";
}

}  // namespace

bool RunFolder::holds_run() const {
  std::error_code ignored;
  return fs::exists(config_file(), ignored) || fs::exists(metrics_file(), ignored) ||
         !steps().empty();
}

void RunFolder::prepare() const {
  std::error_code error;
  fs::create_directories(checkpoints(), error);
  if (error) throw Error("cannot create '" + checkpoints().string() + "': " + error.message());
  AtomicFolder::recover(root_);
  AtomicFolder::recover(checkpoints());
}

std::vector<std::int64_t> RunFolder::steps() const {
  std::vector<std::int64_t> steps;
  std::error_code error;
  fs::directory_iterator entry(checkpoints(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto step = step_of(entry->path().filename().string());
    if (step && is_whole(entry->path())) steps.push_back(*step);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw Error("cannot read '" + checkpoints().string() + "': " + error.message());
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

fs::path RunFolder::checkpoint(std::int64_t step) const {
  return checkpoints() / step_name(step);
}

std::optional<fs::path> RunFolder::latest() const {
  const auto all = steps();
  if (all.empty()) return std::nullopt;
  return checkpoint(all.back());
}

std::optional<fs::path> RunFolder::best() const {
  std::error_code ignored;
  if (!fs::is_regular_file(best_file(*this), ignored)) return std::nullopt;
  std::string name = read_file(best_file(*this));
  name.erase(name.find_last_not_of(" \r\n") + 1);
  const auto step = step_of(name);
  if (!step || !is_whole(checkpoint(*step))) return std::nullopt;
  return checkpoint(*step);
}

void RunFolder::save(const Checkpoint& checkpoint, const RunConfig& config) const {
  AtomicFolder folder(this->checkpoint(checkpoint.state.step));
  save_safetensors(folder.path() / weights_name, checkpoint.weights);
  save_safetensors(folder.path() / optimizer_name, checkpoint.optimizer);
  write_file(folder.path() / state_name, to_json(checkpoint.state));
  write_file(folder.path() / config_name, to_json(config));
  folder.commit();
}

void RunFolder::mark_best(std::int64_t step) const {
  if (!is_whole(checkpoint(step))) {
    throw Error("cannot mark '" + checkpoint(step).string() + "' as best: it is no checkpoint");
  }
  write_file(best_file(*this), step_name(step) + "\n");
}

void RunFolder::prune(std::int64_t keep_last, std::optional<std::int64_t> keep_step) const {
  if (keep_last < 1) {
    throw Error("cannot keep " + std::to_string(keep_last) + " checkpoints in '" +
                checkpoints().string() + "': at least 1 stays");
  }
  const auto all = steps();
  const auto best_one = best();
  const auto count = static_cast<std::int64_t>(all.size());
  for (std::int64_t i = 0; i < count - keep_last; ++i) {
    const std::int64_t step = all[static_cast<std::size_t>(i)];
    const bool stays = step == 0 || step == keep_step || checkpoint(step) == best_one;
    if (!stays) remove_folder(checkpoint(step));
  }
}

void save_model(const fs::path& folder, const TensorMap& weights, const RunConfig& config,
                const fs::path& tokenizer) {
  if (fs::exists(folder)) {
    throw UsageError(folder.string() + ": exists already; name another folder, or remove it");
  }
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path());
  AtomicFolder target(folder);
  save_safetensors(target.path() / weights_name, weights);
  write_file(target.path() / config_name, to_json(config));
  if (!tokenizer.empty()) {
    write_file(target.path() / tokenizer.filename(), read_file(tokenizer));
  }
  target.commit();
}

Checkpoint load_checkpoint(const fs::path& folder) {
  Checkpoint result;
  result.state = load_state(folder);
  result.weights = load_weights(folder);
  result.optimizer = load_safetensors(folder / optimizer_name).tensors;
  return result;
}

void check_checkpoint(const fs::path& folder) {
  load_state(folder);
  load_checkpoint_config(folder);
  check_safetensors(folder / weights_name);
  check_safetensors(folder / optimizer_name);
}

TensorMap load_weights(const fs::path& folder) {
  return load_safetensors(folder / weights_name).tensors;
}

TrainingState load_state(const fs::path& folder) {
  return read_state(folder / state_name);
}

RunConfig load_checkpoint_config(const fs::path& folder) {
  return load_config(folder / config_name);
}

}  // namespace aero::checkpoint
