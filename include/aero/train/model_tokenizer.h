#pragma once

#include "aero/tokenizer/identity.h"

#include <filesystem>

namespace aero::train {

/// The tokenizer whose ids the model of a checkpoint has learned: what the checkpoint's state.json
/// says, else that of the tokenizer's file in the checkpoint or in the run around it. Without a
/// hash where there is none, as for a model trained on a corpus without a tokenizer. Throws Error
/// when a file cannot be read.
tokenizer::Identity tokenizer_of_model(const std::filesystem::path& checkpoint);

}  // namespace aero::train
