#pragma once

#include <filesystem>
#include <string>

namespace aero::checkpoint {

/// Whether the files of a folder are those of a Hugging Face model.
bool is_hugging_face_model(const std::filesystem::path& folder);

/// What a folder is that was named in place of a run or a checkpoint, and what to name instead, as
/// far as its files tell: "is a corpus; name ...". Empty where they do not.
std::string other_kind(const std::filesystem::path& folder);

}  // namespace aero::checkpoint
