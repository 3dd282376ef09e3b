#include "aero/checkpoint/run_folder.h"

#include "aero/checkpoint/training_state.h"
#include "aero/config/loader.h"
#include "aero/core/checksum.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"
#include "aero/runs/layout.h"

#include <algorithm>

namespace aero::checkpoint {
namespace {

namespace fs = std::filesystem;
using namespace runs;  // names of the files, and of the folders of steps

fs::path best_file(const RunFolder& run) {
  return run.checkpoints() / "best";
}

/// Returns the checksum in the state, or an empty text: weights can be used without a state, or
/// beside a damaged one.
std::string recorded_checksum(const fs::path& folder) {
  try {
    return read_state(folder / state_name).weights_crc32;
  } catch (const Error&) {
    return "";
  }
}

std::string checksum_of_file(const fs::path& path) {
  constexpr std::size_t block = 1 << 20;
  const RandomAccessFile file(path);
  std::uint32_t checksum = 0;
  for (std::size_t at = 0; at < file.size(); at += block) {
    checksum = crc32(file.bytes(at, std::min(block, file.size() - at)), checksum);
  }
  return checksum_text(checksum);
}

/// Compares the checksum of a file with the one in the state; empty: unknown.
void check(const fs::path& file, const std::string& checksum, const std::string& recorded) {
  if (recorded.empty() || recorded == checksum) return;
  throw Error(fmt::format(
      "'{}' is damaged, or of another checkpoint: its checksum is not the one in {} beside "
      "it; use another checkpoint, or a copy of this one",
      file.string(), state_name));
}

TensorMap load_checked(const fs::path& file, const std::string& recorded) {
  auto loaded = load_safetensors(file);
  check(file, checksum_text(loaded.crc32), recorded);
  return std::move(loaded.tensors);
}

}  // namespace

bool RunFolder::holds_run() const {
  std::error_code ignored;
  return fs::exists(config_file(), ignored) || fs::exists(metrics_file(), ignored) ||
         !steps().empty();
}

void RunFolder::require_held() const {
  if (lock_ == nullptr || lock_->is_on(root_ / "lock")) return;
  throw Error(fmt::format(
      "{}: is no longer the folder of this run: it was moved, removed or replaced; the run "
      "ends and writes nothing there",
      root_.string()));
}

void RunFolder::prepare() const {
  require_held();
  std::error_code error;
  fs::create_directories(checkpoints(), error);
  if (error)
    throw Error(fmt::format("cannot create '{}': {}", checkpoints().string(), error.message()));
  AtomicFolder::recover(root_);
  AtomicFolder::recover(checkpoints());
}

std::vector<std::int64_t> RunFolder::steps() const {
  return steps_that_are(/*whole=*/true);
}

std::vector<std::int64_t> RunFolder::incomplete_steps() const {
  return steps_that_are(/*whole=*/false);
}

std::vector<std::int64_t> RunFolder::steps_that_are(bool whole) const {
  std::vector<std::int64_t> steps;
  std::error_code error;
  fs::directory_iterator entry(checkpoints(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto step = step_of(entry->path().filename().string());
    if (step && is_whole(entry->path()) == whole) steps.push_back(*step);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw Error(fmt::format("cannot read '{}': {}", checkpoints().string(), error.message()));
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

void RunFolder::save(const Checkpoint& checkpoint, const RunConfig& config,
                     TensorAccess* access) const {
  require_held();
  AtomicFolder folder(this->checkpoint(checkpoint.state.step));
  auto state = checkpoint.state;
  state.weights_crc32 =
      checksum_text(save_safetensors(folder.path() / weights_name, checkpoint.weights, {}, access));
  state.optimizer_crc32 = checksum_text(
      save_safetensors(folder.path() / optimizer_name, checkpoint.optimizer, {}, access));
  const auto config_text = to_json(config);
  state.config_crc32 = checksum_text(crc32(config_text));
  write_file(folder.path() / config_name, config_text);
  write_file(folder.path() / state_name, to_json(state));
  require_held();
  folder.commit();
}

void RunFolder::mark_best(std::int64_t step) const {
  require_held();
  if (!is_whole(checkpoint(step))) {
    throw Error(
        fmt::format("cannot mark '{}' as best: it is not a checkpoint", checkpoint(step).string()));
  }
  write_file(best_file(*this), step_name(step) + "\n");
}

fs::path RunFolder::set_aside(std::int64_t step) const {
  require_held();
  const auto target = checkpoints() / ("damaged-" + step_name(step));
  std::error_code error;
  if (fs::exists(target, error)) remove_folder(target);
  fs::rename(checkpoint(step), target, error);
  if (error) {
    throw Error(fmt::format("cannot rename '{}': {}", checkpoint(step).string(), error.message()));
  }
  sync_path(checkpoints());
  return target;
}

void RunFolder::prune(std::int64_t keep_last, std::optional<std::int64_t> keep_step) const {
  if (keep_last < 1) {
    throw Error(fmt::format("cannot keep {} checkpoints in '{}': at least 1 stays", keep_last,
                            checkpoints().string()));
  }
  require_held();
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
                const std::optional<TrainingState>& state, const fs::path& tokenizer) {
  if (fs::exists(folder)) {
    throw UsageError(
        fmt::format("{}: exists already; name another folder, or remove it", folder.string()));
  }
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path());
  AtomicFolder target(folder);
  const auto checksum = checksum_text(save_safetensors(target.path() / weights_name, weights));
  write_file(target.path() / config_name, to_json(config));
  if (state) {
    auto saved = *state;
    saved.weights_crc32 = checksum;
    saved.optimizer_crc32.clear();
    saved.config_crc32.clear();
    write_file(target.path() / state_name, to_json(saved));
  }
  if (!tokenizer.empty()) {
    write_file(target.path() / tokenizer.filename(), read_file(tokenizer));
  }
  target.commit();
}

void check_config(const fs::path& folder) {
  const auto recorded = load_state(folder).config_crc32;
  if (recorded.empty()) return;
  check(folder / config_name, checksum_of_file(folder / config_name), recorded);
}

Checkpoint load_checkpoint(const fs::path& folder) {
  Checkpoint result;
  result.state = load_state(folder);
  result.weights = load_checked(folder / weights_name, result.state.weights_crc32);
  result.optimizer = load_checked(folder / optimizer_name, result.state.optimizer_crc32);
  return result;
}

void check_checkpoint(const fs::path& folder) {
  load_state(folder);
  load_checkpoint_config(folder);
  check_safetensors(folder / weights_name);
  check_safetensors(folder / optimizer_name);
}

TensorMap load_weights(const fs::path& folder) {
  return load_checked(folder / weights_name, recorded_checksum(folder));
}

std::string weights_checksum(const fs::path& folder) {
  const auto recorded = recorded_checksum(folder);
  return recorded.empty() ? checksum_of_file(folder / weights_name) : recorded;
}

TrainingState load_state(const fs::path& folder) {
  return read_state(folder / state_name);
}

RunConfig load_checkpoint_config(const fs::path& folder) {
  const auto file = folder / config_name;
  // A config that a user writes may be wrong; this one was written whole.
  if (fs::is_regular_file(file) && fs::file_size(file) == 0) {
    throw Error(fmt::format("'{}' is damaged: the file is empty", file.string()));
  }
  return load_config(file);
}

}  // namespace aero::checkpoint
