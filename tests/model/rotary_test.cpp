#include "aero/model/rotary.h"

#include "aero/config/model_config.h"

#include "tests/model/decoders.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace aero::model {
namespace {

using testing_support::largest_difference;
using testing_support::normal;

constexpr double float32_angles = 1e-5;

// d_k = 8, of which 4 turn: pairs (0, 2) and (1, 3) at the frequencies 1 and 1/sqrt(100).
TEST(Rotary, TurnsPairsByTheirPosition) {
  auto config = small_pythia();
  config.rotary_fraction = 0.5;
  config.rotary_base = 100;
  const auto encoding = make_position_encoding(config);
  encoding->to(torch::kFloat64);
  const auto heads = normal({2, 2, 5, 8}, 1);
  auto expected = heads.clone();
  for (std::int64_t t = 0; t < 5; ++t) {
    for (std::int64_t pair = 0; pair < 2; ++pair) {
      const double angle = static_cast<double>(3 + t) * (pair == 0 ? 1 : 0.1);
      const auto x1 = heads.select(2, t).select(-1, pair);
      const auto x2 = heads.select(2, t).select(-1, pair + 2);
      expected.select(2, t).select(-1, pair) = x1 * std::cos(angle) - x2 * std::sin(angle);
      expected.select(2, t).select(-1, pair + 2) = x2 * std::cos(angle) + x1 * std::sin(angle);
    }
  }
  EXPECT_LE(largest_difference(encoding->forward(heads, 3), expected), float32_angles);
}

TEST(Rotary, LeavesTheFirstPositionAlone) {
  const auto encoding = make_position_encoding(small_pythia());
  const auto heads = normal({2, 2, 1, 8}, 1);
  EXPECT_TRUE(torch::equal(encoding->forward(heads, 0), heads));
}

TEST(Rotary, KeepsTheDtypeOfTheHeads) {
  const auto encoding = make_position_encoding(small_pythia());
  const auto heads = normal({2, 2, 5, 8}, 1).to(torch::kBFloat16);
  EXPECT_EQ(encoding->forward(heads, 0).scalar_type(), torch::kBFloat16);
}

TEST(Rotary, IsAbsentFromGpt2) {
  const auto heads = normal({2, 2, 5, 4}, 1);
  EXPECT_TRUE(make_position_encoding(small_gpt2())->forward(heads, 3).is_same(heads));
}

}  // namespace
}  // namespace aero::model
