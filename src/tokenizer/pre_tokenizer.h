#pragma once

#include "regex.h"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace aero::tokenizer {

/// What happens to the matches of a Split (SplitDelimiterBehavior of `tokenizers`).
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// One step of cutting a text into words: Split, Digits or ByteLevel.
struct PreTokenizerStep {
  bool add_prefix_space = false;  ///< adds a space before a piece that begins without one
  std::optional<Regex> pattern;   ///< the piece stays whole if there is none
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;  ///< splits at what the pattern does not match
};

/// A sequence of steps, each of which is applied to the pieces of the step before.
class PreTokenizer {
 public:
  explicit PreTokenizer(std::vector<PreTokenizerStep> steps) : steps_(std::move(steps)) {}

  /// Calls back with each word of `text`, valid UTF-8, in order.
  void cut(std::string_view text, const std::function<void(std::string_view)>& on_word) const;

 private:
  void run(std::size_t step, std::string_view piece,
           const std::function<void(std::string_view)>& on_word) const;

  std::vector<PreTokenizerStep> steps_;
};

}  // namespace aero::tokenizer
