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
  bool single_word = false;  ///< only where no word character stands on either side
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space after it along
  bool normalized = false;   ///< looked for in the normalized text, after those that are not
  bool special = false;
};

/// Finds a set of added tokens: of those that begin leftmost the longest, without overlap.
class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  /// Calls back for each part of the text in order: a token, or text between tokens. The name of a
  /// special token is part of the text where `special_is_text`.
  void cut(std::string_view text, bool special_is_text,
           const std::function<void(const AddedToken&)>& on_token,
           const std::function<void(std::string_view)>& on_text) const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at) const;

  std::vector<AddedToken> tokens_;            ///< by first byte, the longest first
  std::vector<std::size_t> first_with_byte_;  ///< 257 borders in tokens_
};

}  // namespace aero::tokenizer
