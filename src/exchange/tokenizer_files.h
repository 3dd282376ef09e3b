#pragma once

#include <filesystem>
#include <string>

namespace aero::exchange {

/// Returns the folder's tokenizer as the text of a tokenizer.json: that file, or what vocab.json and
/// merges.txt of GPT-2's tokenizer say; empty where there is neither. Throws Error that names the
/// file where it is damaged, or of a kind that AERO cannot read.
std::string tokenizer_of(const std::filesystem::path& folder);

}  // namespace aero::exchange
