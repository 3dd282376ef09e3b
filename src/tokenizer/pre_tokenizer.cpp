#include "pre_tokenizer.h"

#include <algorithm>
#include <string>

namespace aero::tokenizer {
namespace {

/// Joins a stretch with the one before it if `join` says so. `join` is given whether each of the
/// two is a match.
template <typename Join>
std::vector<Stretch> joined(const std::vector<Stretch>& stretches, const Join& join) {
  std::vector<Stretch> result;
  bool previous_match = false;
  for (const Stretch& stretch : stretches) {
    if (!result.empty() && join(previous_match, stretch.is_match)) {
      result.back().begin = std::min(result.back().begin, stretch.begin);
      result.back().end = std::max(result.back().end, stretch.end);
    } else {
      result.push_back(stretch);
    }
    previous_match = stretch.is_match;
  }
  return result;
}

std::vector<Stretch> apply(SplitBehavior behavior, std::vector<Stretch> stretches) {
  const auto match_after_text = [](bool previous, bool current) { return current && !previous; };
  switch (behavior) {
    case SplitBehavior::isolated:
      break;
    case SplitBehavior::removed:
      std::erase_if(stretches, [](const Stretch& stretch) { return stretch.is_match; });
      break;
    case SplitBehavior::contiguous:
      return joined(stretches, std::equal_to<>{});
    case SplitBehavior::merged_with_previous:
      return joined(stretches, match_after_text);
    case SplitBehavior::merged_with_next:
      std::ranges::reverse(stretches);
      stretches = joined(stretches, match_after_text);
      std::ranges::reverse(stretches);
      break;
  }
  return stretches;
}

}  // namespace

void PreTokenizer::cut(std::string_view text,
                       const std::function<void(std::string_view)>& on_word) const {
  if (!text.empty()) run(0, text, on_word);
}

void PreTokenizer::run(std::size_t index, std::string_view piece,
                       const std::function<void(std::string_view)>& on_word) const {
  if (index == steps_.size()) return on_word(piece);
  const PreTokenizerStep& step = steps_[index];
  std::string prefixed;
  if (step.add_prefix_space && !piece.starts_with(' ')) {
    prefixed = ' ' + std::string(piece);
    piece = prefixed;
  }
  if (!step.pattern) return run(index + 1, piece, on_word);
  std::vector<Stretch> stretches = step.pattern->cut(piece);
  if (step.invert) {
    for (Stretch& stretch : stretches) stretch.is_match = !stretch.is_match;
  }
  for (const Stretch& stretch : apply(step.behavior, std::move(stretches))) {
    run(index + 1, piece.substr(stretch.begin, stretch.end - stretch.begin), on_word);
  }
}

}  // namespace aero::tokenizer
