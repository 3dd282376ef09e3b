#pragma once

#include <string>
#include <string_view>

namespace aero::tokenizer {

/// Normalization form C of valid UTF-8 (Unicode Standard Annex 15), with the tables of Hugging Face
/// `tokenizers` (Unicode 9: marks and compositions of later versions are left as they are).
std::string to_nfc(std::string_view text);

}  // namespace aero::tokenizer
