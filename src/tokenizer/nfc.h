#pragma once

#include <string>
#include <string_view>

namespace aero::tokenizer {

/// Converts valid UTF-8 into normalization form C (Unicode Standard Annex 15), with the tables of
/// Hugging Face `tokenizers` (Unicode 9: marks and compositions of later versions stay as they
/// are).
std::string to_nfc(std::string_view text);

}  // namespace aero::tokenizer
