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

/// Everything that a run needs to continue.
struct Checkpoint {
  TensorMap weights;
  TensorMap optimizer;
  TrainingState state;
};

/// The folder of a run. It holds config.json, metrics.jsonl, log.txt,
/// checkpoints/step-00000100/{weights.safetensors, optimizer.safetensors, state.json, config.json},
/// and "checkpoints/best", a text file that names the best checkpoint.
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

  /// Creates the folders and removes what an interrupted save left behind. Only one process may
  /// train in a run folder (lock_folder). Throws Error.
  void prepare() const;

  /// Returns the steps that have a whole checkpoint (all four files), ascending; none if the folder
  /// is missing.
  std::vector<std::int64_t> steps() const;
  /// Does the same for checkpoints of which files are missing.
  std::vector<std::int64_t> incomplete_steps() const;
  std::filesystem::path checkpoint(std::int64_t step) const;
  std::optional<std::filesystem::path> latest() const;
  /// Returns the best checkpoint, or nothing if none was marked or the marked one is gone.
  std::optional<std::filesystem::path> best() const;

  /// Takes over the lock of this folder (lock_folder). From now on every write here first calls
  /// require_held().
  void hold(FileLock lock) { lock_ = std::make_shared<const FileLock>(std::move(lock)); }
  /// Throws Error if this object has the lock but the locked folder was moved, removed or replaced
  /// by another.
  void require_held() const;

  /// Saves a checkpoint, which appears whole or not at all and replaces an earlier one of its step.
  /// Throws Error; the earlier one then stays. `access` is asked for each tensor.
  void save(const Checkpoint& checkpoint, const RunConfig& config,
            TensorAccess* access = nullptr) const;
  /// Marks the checkpoint of a step as the best. Throws Error if that step has no whole checkpoint.
  void mark_best(std::int64_t step) const;
  /// Gives the checkpoint of a step another name, "damaged-step-00000100", under which it is none.
  /// Replaces one that has this name. Returns the new path. Throws Error.
  std::filesystem::path set_aside(std::int64_t step) const;
  /// Removes all checkpoints but the last `keep_last` (at least 1), the best, and those of step
  /// `keep_step` and step 0.
  void prune(std::int64_t keep_last, std::optional<std::int64_t> keep_step = {}) const;

 private:
  std::vector<std::int64_t> steps_that_are(bool whole) const;

  std::filesystem::path root_;
  std::shared_ptr<const FileLock> lock_;
};

/// Saves a checkpoint without the optimizer's state, which suffices for eval, generate, inspect,
/// transform and warm starts. It holds weights.safetensors and config.json, state.json if `state`
/// is given, and a copy of `tokenizer` unless that is empty. The folder appears whole or not at
/// all. Throws UsageError if it exists.
void save_model(const std::filesystem::path& folder, const TensorMap& weights,
                const RunConfig& config, const std::optional<TrainingState>& state = {},
                const std::filesystem::path& tokenizer = {});

/// Throws Error where the config is not the one that the state was saved with, or where the state
/// cannot be read.
void check_config(const std::filesystem::path& folder);

/// Loads a checkpoint. Throws Error that names a file that is missing, damaged, of another version,
/// or not the file that the state was saved with.
Checkpoint load_checkpoint(const std::filesystem::path& folder);
/// Throws Error as load_checkpoint() does, but reads no tensors and so compares no checksums.
void check_checkpoint(const std::filesystem::path& folder);
TensorMap load_weights(const std::filesystem::path& folder);
/// Returns the CRC-32 of weights.safetensors: the one in the state beside it, without reading the
/// file, or the file's own if the state has none. Throws Error if the file cannot be read then.
std::string weights_checksum(const std::filesystem::path& folder);
TrainingState load_state(const std::filesystem::path& folder);
RunConfig load_checkpoint_config(const std::filesystem::path& folder);

}  // namespace aero::checkpoint
