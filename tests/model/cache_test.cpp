// DecoderImpl::forward_cached() and the cache that it fills.

#include "aero/core/error.h"

#include "tests/model/cached_models.h"
#include "tests/support/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

namespace aero::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_support::error_of;
using testing_support::largest_difference;

class CacheOf : public ::testing::TestWithParam<NamedModel> {};

INSTANTIATE_TEST_SUITE_P(Models, CacheOf, ::testing::ValuesIn(cached_models()),
                         [](const auto& info) { return info.param.name; });

void expect_logits_in_chunks(const ModelConfig& config, const std::vector<std::int64_t>& lengths) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder_there(config);
  const auto length = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  const auto tokens = make_tokens_there(2, length);
  const auto expected = decoder->forward(tokens);
  auto cache = decoder->make_cache(2);
  for (const auto chunk : lengths) {
    const auto start = cache.length();
    const auto logits = decoder->forward_cached(tokens.narrow(1, start, chunk), cache);
    EXPECT_EQ(cache.length(), start + chunk);
    EXPECT_LE(largest_difference(logits, expected.narrow(1, start, chunk)), 1e-10) << start;
  }
}

TEST_P(CacheOf, GivesTheLogitsOfTheWholeTokenByToken) {
  expect_logits_in_chunks(GetParam().config, std::vector<std::int64_t>(12, 1));
}

TEST_P(CacheOf, GivesTheLogitsOfTheWholeAtOnce) {
  expect_logits_in_chunks(GetParam().config, {12});
}

TEST_P(CacheOf, GivesTheLogitsOfTheWholeInChunks) {
  expect_logits_in_chunks(GetParam().config, {5, 1, 4, 2});
}

TEST(Cache, HasRoomForTheContext) {
  const auto decoder = make_decoder_there(small_gpt2());
  const auto cache = decoder->make_cache(3);
  EXPECT_EQ(cache.length(), 0);
  ASSERT_EQ(cache.layers.size(), 2U);
  for (const auto& layer : cache.layers) {
    EXPECT_THAT(layer.keys.sizes().vec(), ElementsAre(3, 2, 12, 4));
    EXPECT_THAT(layer.values.sizes().vec(), ElementsAre(3, 2, 12, 4));
    EXPECT_EQ(layer.keys.scalar_type(), torch::kFloat64);
  }
}

TEST(Cache, RefusesMoreTokensThanTheContextAndStaysAsItIs) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder_there(small_gpt2());
  auto cache = decoder->make_cache(1);
  decoder->forward_cached(make_tokens_there(1, 10), cache);
  EXPECT_THAT(error_of([&] { decoder->forward_cached(make_tokens_there(1, 3), cache); }),
              HasSubstr("13 positions are more than model.context = 12"));
  EXPECT_EQ(cache.length(), 10);
}

}  // namespace
}  // namespace aero::model
