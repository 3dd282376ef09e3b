#pragma once

#include <filesystem>
#include <optional>

namespace aero::runs {

/// Finds a checkpoint folder by what a user names: the folder itself (weights and config suffice),
/// a run's "checkpoints/best", or a run folder (its best checkpoint, else its latest). Throws Error
/// that says what was looked for, or what the folder is instead.
std::filesystem::path find_checkpoint(const std::filesystem::path& run_or_checkpoint);

/// Finds the config.json of the checkpoint that find_checkpoint() finds, or of a run without
/// checkpoints. Throws Error that says what was looked for.
std::filesystem::path find_config(const std::filesystem::path& run_or_checkpoint);

/// Returns the run folder that a checkpoint folder belongs to, with links and dots resolved, or
/// nothing if it does not lie in a run.
std::optional<std::filesystem::path> run_around(const std::filesystem::path& checkpoint);

}  // namespace aero::runs
