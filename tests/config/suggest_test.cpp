#include "aero/config/suggest.h"

#include <gtest/gtest.h>

namespace aero {
namespace {

TEST(EditDistance, CountsTheEditsBetweenTwoWords) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("n_layers", "n_layer"), 1U);
  EXPECT_EQ(edit_distance("gleu", "gelu"), 1U);  // a swap
  EXPECT_EQ(edit_distance("flaw", "lawn"), 2U);
}

TEST(EditDistance, CountsADifferenceOfCaseOnce) {
  EXPECT_EQ(edit_distance("GPT2", "gpt2"), 1U);
  EXPECT_EQ(edit_distance("gpt2", "gpt2"), 0U);
}

TEST(Suggestion, IsTheNearestWordOrNone) {
  const std::vector<std::string> names{"layernorm", "rmsnorm", "none"};
  EXPECT_EQ(nearest("LayerNorm", names), "layernorm");
  EXPECT_EQ(nearest("rms_norm", names), "rmsnorm");
  EXPECT_EQ(nearest("xyz", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(choice_hint("xyz", names), "; one of: layernorm, rmsnorm, none");
}

}  // namespace
}  // namespace aero
