#pragma once

#include "aero/checkpoint/safetensors.h"
#include "aero/checkpoint/training_state.h"
#include "aero/config/run_config.h"
#include "aero/core/file_lock.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aero::checkpoint {

/// Everything that a run needs to go on.
struct Checkpoint {
  TensorMap weights;
  TensorMap optimizer;
  TrainingState state;
};

/// RUN/config.json, metrics.jsonl, log.txt, checkpoints/step-00000100/{weights.safetensors,
/// optimizer.safetensors, state.json, config.json}, and "checkpoints/best", a text file that names
/// the best of them.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path config_file() const { return root_ / "config.json"; }
  std::filesystem::path metrics_file() const { return root_ / "metrics.jsonl"; }
  std::filesystem::path log_file() const { return root_ / "log.txt"; }
  std::filesystem::path checkpoints() const { return root_ / "checkpoints"; }

  /// Whether a run has begun here.
  bool holds_run() const;

  /// Creates the folders, removes what an interrupted save left behind. Only one process may train
  /// in a run folder (lock_folder). Throws Error.
  void prepare() const;

  /// Steps that have a whole checkpoint (all four files), ascending. None when the folder is
  /// missing.
  std::vector<std::int64_t> steps() const;
  std::filesystem::path checkpoint(std::int64_t step) const;
  std::optional<std::filesystem::path> latest() const;
  /// Nothing when none was marked, or the marked one is gone.
  std::optional<std::filesystem::path> best() const;

  /// Takes over the lock of this folder (lock_folder): from now on what writes here goes through
  /// require_held().
  void hold(FileLock lock) { lock_ = std::make_shared<const FileLock>(std::move(lock)); }
  /// Throws Error where the lock is held and the folder is no longer the one that it is of: moved
  /// away, removed, or another in its place.
  void require_held() const;

  /// Appears whole or not at all, in place of an earlier one of that step. Throws Error; what was
  /// there before stays.
  void save(const Checkpoint& checkpoint, const RunConfig& config) const;
  /// Throws Error when that step has no whole checkpoint.
  void mark_best(std::int64_t step) const;
  /// Removes all but the last `keep_last` (at least 1) checkpoints, the best, that of step
  /// `keep_step`, and step 0.
  void prune(std::int64_t keep_last, std::optional<std::int64_t> keep_step = {}) const;

 private:
  std::filesystem::path root_;
  std::shared_ptr<const FileLock> lock_;
};

/// A checkpoint without the optimizer's state, enough for eval, generate, inspect, transform and
/// warm starts: weights.safetensors and config.json, where it is given state.json, and a copy of
/// `tokenizer` unless it is empty. Appears whole or not at all. Throws UsageError when `folder`
/// exists.
void save_model(const std::filesystem::path& folder, const TensorMap& weights,
                const RunConfig& config, const std::optional<TrainingState>& state = {},
                const std::filesystem::path& tokenizer = {});

/// Throws Error that names the file: missing, damaged, of another version, or not the one that the
/// state was saved with.
Checkpoint load_checkpoint(const std::filesystem::path& folder);
/// Throws Error as load_checkpoint() does, without a look at what the tensors hold: their checksums
/// are not compared.
void check_checkpoint(const std::filesystem::path& folder);
TensorMap load_weights(const std::filesystem::path& folder);
/// CRC-32 of weights.safetensors: what the state beside it says, without a look at the file, or
/// that of the file where it says nothing. Throws Error where there is no such file to read.
std::string weights_checksum(const std::filesystem::path& folder);
TrainingState load_state(const std::filesystem::path& folder);
RunConfig load_checkpoint_config(const std::filesystem::path& folder);

/// A checkpoint folder from what a user names: the folder itself (weights and config suffice), its
/// run's "checkpoints/best", or a run folder (its best checkpoint, else its latest). Throws Error
/// that says what was looked for, or what the folder is instead.
std::filesystem::path find_checkpoint(const std::filesystem::path& run_or_checkpoint);

/// The run folder whose checkpoint a folder is, links and dots resolved; nothing for a checkpoint
/// that stands elsewhere.
std::optional<std::filesystem::path> run_around(const std::filesystem::path& checkpoint);

}  // namespace aero::checkpoint
