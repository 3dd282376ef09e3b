#pragma once

#include <filesystem>
#include <string>

namespace aero::runs {

/// Whether a folder holds a Hugging Face model.
bool is_hugging_face_model(const std::filesystem::path& folder);

/// Says what a folder is that a user named instead of a run or a checkpoint, and what to name: "is
/// a corpus; name ...". Empty if its files do not show what it is.
std::string other_kind(const std::filesystem::path& folder);

}  // namespace aero::runs
