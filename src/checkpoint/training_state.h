#pragma once

#include "aero/checkpoint/run_folder.h"

#include <filesystem>
#include <string>

namespace aero::checkpoint {

/// state.json; every key is written, and every key but tokenizer_sha256 must be there.
std::string to_json(const TrainingState& state);

/// Throws Error that names `file`, the key and the value.
TrainingState read_state(const std::filesystem::path& file);

}  // namespace aero::checkpoint
