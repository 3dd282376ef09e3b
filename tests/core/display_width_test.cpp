#include "aero/core/display_width.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace aero {
namespace {

using ::testing::ElementsAre;

// Expected widths: EastAsianWidth.txt of Unicode (W and F are wide) and the marks' categories.
TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  const std::vector<std::pair<std::string, int>> widths = {
      {"", 0},         {"step 5", 6},   {"Ä", 1},       {"模型", 4},     {"한국", 4},
      {"ｶ", 1},        {"Ｆ", 2},       {"e\u0301", 1}, {"🚀", 2},        {"𠀀", 2},
      {"\xFF\xC3", 2}, {"\xE6\xA8", 2}, {"→", 1},       {"a\u200Bb", 2}, {"ひらがな", 8},
  };
  for (const auto& [text, width] : widths) EXPECT_EQ(display_width(text), width) << text;
}

TEST(DisplayWidth, CutsALineBetweenCharacters) {
  EXPECT_EQ(fitted("模型", 3), "模");
  EXPECT_EQ(fitted("模型", 4), "模型");
  EXPECT_EQ(fitted("模型", 1), "");
  EXPECT_EQ(fitted("e\u0301x", 1), "e\u0301");
  EXPECT_EQ(fitted("step 5", 100), "step 5");
  EXPECT_EQ(fitted("step 5", 0), "");
}

TEST(DisplayWidth, MakesOneLineOfAnyText) {
  EXPECT_EQ(fitted("a\nb\x1b[2J\tc", 100), "a?b?[2J?c");
}

TEST(DisplayWidth, BreaksTextBetweenWords) {
  EXPECT_THAT(wrapped("the word  语语 fits", 8), ElementsAre("the word", "语语", "fits"));
  EXPECT_THAT(wrapped("indivisible is wide", 4), ElementsAre("indivisible", "is", "wide"));
  EXPECT_THAT(wrapped("", 4), ElementsAre(""));
}

}  // namespace
}  // namespace aero
