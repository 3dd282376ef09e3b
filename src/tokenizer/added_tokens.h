#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aero::tokenizer {

/// A token that is found in the text before anything else, as tokenizer.json describes it.
struct AddedToken {
  std::int64_t id = 0;
  std::string content;
  bool single_word = false;  ///< only between characters that are not part of a word
  bool lstrip = false;       ///< includes the white space before it
  bool rstrip = false;       ///< includes the white space after it
  bool normalized = false;   ///< searched in the normalized text, after the other tokens
  bool special = false;
};

/// Finds the tokens of a set in a text, without overlap: the leftmost first, and of several at one
/// place the longest.
class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  /// Calls back for each part of the text in order: for a token, or for text between tokens. With
  /// `special_is_text` the name of a special token is part of the text.
  void cut(std::string_view text, bool special_is_text,
           const std::function<void(const AddedToken&)>& on_token,
           const std::function<void(std::string_view)>& on_text) const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at) const;

  std::vector<AddedToken> tokens_;            ///< by first byte, the longest first
  std::vector<std::size_t> first_with_byte_;  ///< 257 borders in tokens_
};

}  // namespace aero::tokenizer
