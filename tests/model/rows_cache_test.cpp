// A cache whose rows have lengths of their own.

#include "tests/model/cached_models.h"
#include "tests/support/autocast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <vector>

namespace aero::model {
namespace {

using testing_support::Autocast;
using testing_support::largest_difference;

class RowsOf : public ::testing::TestWithParam<NamedModel> {};

INSTANTIATE_TEST_SUITE_P(Models, RowsOf, ::testing::ValuesIn(cached_models()),
                         [](const auto& info) { return info.param.name; });

/// Fills a cache with the first lengths[i] tokens of row i; padding takes any token.
KvCache read(Decoder& decoder, const torch::Tensor& tokens,
             const std::vector<std::int64_t>& lengths) {
  const auto longest = *std::ranges::max_element(lengths);
  auto padded = tokens.narrow(1, 0, longest).clone();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    padded[static_cast<std::int64_t>(i)].slice(0, lengths[i]).fill_(7);
  }
  auto cache = decoder->make_cache(tokens.size(0));
  decoder->hidden_cached(padded, cache);
  cache.set_lengths(lengths);
  return cache;
}

/// Returns tokens [B, 1] and expected logits [B, 1, V] at the positions.
torch::Tensor at_positions(const torch::Tensor& x, const std::vector<std::int64_t>& positions) {
  std::vector<torch::Tensor> rows;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    rows.push_back(x.narrow(0, static_cast<std::int64_t>(i), 1).narrow(1, positions[i], 1));
  }
  return torch::cat(rows);
}

TEST_P(RowsOf, GetTheLogitsOfTheWholeAtTheirPositions) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder_there(GetParam().config);
  const auto tokens = make_tokens_there(4, 12);
  const auto expected = decoder->forward(tokens);
  std::vector<std::int64_t> positions{3, 8, 1, 5};
  auto cache = read(decoder, tokens, positions);
  for (int step = 0; step < 4; ++step) {
    const auto logits = decoder->forward_cached(at_positions(tokens, positions), cache);
    EXPECT_LE(largest_difference(logits, at_positions(expected, positions)), 1e-10) << step;
    for (auto& position : positions) ++position;
    EXPECT_EQ(cache.length(), positions[1]);
  }
}

TEST_P(RowsOf, GoOnWithoutThoseThatLeave) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder_there(GetParam().config);
  const auto tokens = make_tokens_there(4, 12);
  const auto expected = decoder->forward(tokens);
  auto cache = read(decoder, tokens, {3, 8, 1, 5});
  const auto rows = [&](const torch::Tensor& x, const std::vector<std::int64_t>& kept) {
    return x.index_select(0, torch::tensor(kept).to(x.device()));
  };
  cache.keep({0, 3});
  EXPECT_EQ(cache.length(), 5);
  auto logits = decoder->forward_cached(at_positions(rows(tokens, {0, 3}), {3, 5}), cache);
  EXPECT_LE(largest_difference(logits, at_positions(rows(expected, {0, 3}), {3, 5})), 1e-10);
  cache.keep({1});
  EXPECT_FALSE(cache.lengths().defined());
  EXPECT_EQ(cache.length(), 6);
  logits = decoder->forward_cached(rows(tokens, {3}).narrow(1, 6, 3), cache);
  EXPECT_LE(largest_difference(logits, rows(expected, {3}).narrow(1, 6, 3)), 1e-10);
}

// A bfloat16 has 8 bits of a number.
TEST_P(RowsOf, GetTheLogitsOfAutocast) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder_there(GetParam().config, torch::kFloat32);
  const auto tokens = make_tokens_there(3, 12);
  const std::vector<std::int64_t> positions{3, 8, 1};
  const Autocast autocast(torch::kBFloat16);
  const auto expected = at_positions(decoder->forward(tokens), positions);
  auto cache = read(decoder, tokens, positions);
  EXPECT_EQ(cache.layers.front().keys.scalar_type(), torch::kBFloat16);
  const auto logits = decoder->forward_cached(at_positions(tokens, positions), cache);
  EXPECT_EQ(logits.scalar_type(), torch::kBFloat16);
  const auto scale = testing_support::largest(expected.to(torch::kFloat64));
  EXPECT_LE(largest_difference(logits, expected), 0.03 * scale);
}

TEST(Rows, HaveNoLengthsOfTheirOwnWhereAllAreEqual) {
  const auto decoder = make_decoder_there(small_gpt2());
  auto cache = decoder->make_cache(2, 5);
  EXPECT_EQ(cache.layers.front().keys.size(2), 5);
  cache.set_lengths({3, 3});
  EXPECT_FALSE(cache.lengths().defined());
  EXPECT_EQ(cache.length(), 3);
  cache.set_lengths({3, 2});
  EXPECT_TRUE(cache.lengths().defined());
}

TEST(Rows, TakeNoMoreThanTheContext) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder_there(small_gpt2());
  auto cache = read(decoder, make_tokens_there(2, 12), {12, 3});
  EXPECT_THROW(decoder->forward_cached(make_tokens_there(2, 1), cache), std::exception);
  EXPECT_EQ(cache.length(), 12);
}

}  // namespace
}  // namespace aero::model
