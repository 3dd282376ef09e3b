#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::runs {

inline constexpr const char* checkpoints_name = "checkpoints";
inline constexpr const char* best_name = "best";
inline constexpr const char* weights_name = "weights.safetensors";
inline constexpr const char* optimizer_name = "optimizer.safetensors";
inline constexpr const char* state_name = "state.json";
inline constexpr const char* config_name = "config.json";
inline constexpr std::array<const char*, 4> checkpoint_files = {weights_name, optimizer_name,
                                                                state_name, config_name};

/// Returns the name of a step's folder: "step-00000100".
std::string step_name(std::int64_t step);

/// Returns the step of such a name, or nothing for another name.
std::optional<std::int64_t> step_of(const std::string& name);

/// Returns the names in checkpoint_files that `folder` lacks.
std::vector<std::string> missing_files(const std::filesystem::path& folder);

bool is_whole(const std::filesystem::path& folder);

}  // namespace aero::runs
