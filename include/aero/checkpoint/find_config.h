#pragma once

#include <filesystem>

namespace aero::checkpoint {

/// Finds the config.json of the checkpoint that find_checkpoint() finds, or of a run without
/// checkpoints. Throws Error that says what was looked for.
std::filesystem::path find_config(const std::filesystem::path& run_or_checkpoint);

}  // namespace aero::checkpoint
