#pragma once

#include "aero/tokenizer/identity.h"

#include <filesystem>

namespace aero::train {

/// Finds the tokenizer whose ids the model of a checkpoint has learned: in the checkpoint's
/// state.json, else by the tokenizer's file in the checkpoint or in the folder of its run. The
/// result has no hash where there is no tokenizer, as after training on a corpus without one.
/// Throws Error when a file cannot be read.
tokenizer::Identity tokenizer_of_model(const std::filesystem::path& checkpoint);

}  // namespace aero::train
