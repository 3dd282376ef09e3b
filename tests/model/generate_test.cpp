#include "aero/core/error.h"
#include "aero/model/generation.h"

#include "tests/model/decoders.h"
#include "tests/support/faults.h"

#include <ATen/Context.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace aero::model {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using testing_support::error_of;
using Tokens = std::vector<std::int64_t>;

constexpr std::int64_t many = 40;  // beyond the context of 12

class GenerationOf : public ::testing::TestWithParam<NamedModel> {};

INSTANTIATE_TEST_SUITE_P(Models, GenerationOf, every_kind(),
                         [](const auto& info) { return info.param.name; });

/// The most likely continuation, each token from a forward pass over the last T tokens.
Tokens greedy(Decoder& decoder, Tokens text, std::int64_t count) {
  const torch::NoGradGuard no_grad;
  Tokens result;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto seen = std::min<std::size_t>(text.size(), 12);
    const Tokens window(text.end() - static_cast<std::ptrdiff_t>(seen), text.end());
    const auto tokens = torch::tensor(window, torch::kInt64).unsqueeze(0);
    const auto logits = decoder->forward(testing_support::there(tokens));
    text.push_back(logits[0][-1].argmax().item<std::int64_t>());
    result.push_back(text.back());
  }
  return result;
}

TEST_P(GenerationOf, TakesTheMostLikelyTokensBeyondTheContext) {
  auto decoder = make_decoder_there(GetParam().config);
  const Tokens prompt{1, 2, 3};
  const auto expected = greedy(decoder, prompt, many);
  for (const bool use_cache : {true, false}) {
    EXPECT_EQ(
        generate(decoder, prompt,
                 {.sampling = {.temperature = 0}, .max_tokens = many, .use_cache = use_cache}),
        expected);
  }
}

TEST_P(GenerationOf, ContinuesAPromptLongerThanTheContext) {
  auto decoder = make_decoder_there(GetParam().config);
  for (const std::size_t length : {11U, 12U, 13U, 30U}) {
    Tokens prompt;
    for (std::size_t i = 0; i < length; ++i) prompt.push_back(std::int64_t(i * i % 13));
    EXPECT_EQ(generate(decoder, prompt, {.sampling = {.temperature = 0}, .max_tokens = 5}),
              greedy(decoder, prompt, 5))
        << length;
  }
}

TEST_P(GenerationOf, DrawsTheSameTokensWithAndWithoutACache) {
  auto decoder = make_decoder_there(GetParam().config);
  for (const std::uint64_t seed : {1, 2, 3}) {
    const SamplingOptions sampling{.temperature = 1.5, .top_p = 0.95, .seed = seed};
    const auto cached = generate(decoder, {4}, {.sampling = sampling, .max_tokens = many});
    EXPECT_THAT(cached, SizeIs(many));
    EXPECT_EQ(
        generate(decoder, {4}, {.sampling = sampling, .max_tokens = many, .use_cache = false}),
        cached);
  }
}

TEST(Generation, IsThatOfItsSeed) {
  auto decoder = make_decoder_there(small_gpt2());
  const auto text = [&](std::uint64_t seed) {
    return generate(decoder, {4}, {.sampling = {.temperature = 2, .seed = seed}});
  };
  at::manual_seed(1);
  const auto first = text(1);
  at::manual_seed(2);
  EXPECT_EQ(text(1), first);
  EXPECT_NE(text(2), first);
}

TEST(Generation, EndsBeforeTheStopToken) {
  auto decoder = make_decoder_there(small_gpt2());
  GenerationOptions options{.sampling = {.temperature = 2}, .max_tokens = many};
  const auto whole = generate(decoder, {4}, options);
  const auto stop =
      std::ranges::find_if(whole, [&](std::int64_t token) { return token != whole.front(); });
  ASSERT_NE(stop, whole.end());
  options.stop_token = *stop;
  EXPECT_EQ(generate(decoder, {4}, options), Tokens(whole.begin(), stop));
}

TEST(Generation, PassesEachTokenToTheCallbackWhichCanEndIt) {
  auto decoder = make_decoder_there(small_gpt2());
  const GenerationOptions options{.sampling = {.temperature = 2}, .max_tokens = many};
  const auto whole = generate(decoder, {4}, options);
  Tokens passed;
  const auto text = generate(decoder, {4}, options, [&](std::int64_t token) {
    passed.push_back(token);
    return passed.size() < 7;
  });
  EXPECT_EQ(passed, Tokens(whole.begin(), whole.begin() + 7));
  EXPECT_EQ(text, passed);
}

TEST(Generation, IsWithoutDropout) {
  auto config = small_gpt2();
  auto without = make_decoder_there(config);
  config.dropout_embedding = config.dropout_attention = config.dropout_residual = 0.5;
  auto with = make_decoder_there(config);
  with->train();
  EXPECT_EQ(generate(with, {4}, {.max_tokens = many}),
            generate(without, {4}, {.max_tokens = many}));
}

TEST(Generation, HasNoTokenWhereNoneIsAskedFor) {
  auto decoder = make_decoder_there(small_gpt2());
  EXPECT_THAT(generate(decoder, {4}, {.max_tokens = 0}), SizeIs(0));
}

TEST(Generation, RefusesAnEmptyPrompt) {
  auto decoder = make_decoder_there(small_gpt2());
  EXPECT_THROW(generate(decoder, {}, {}), UsageError);
}

TEST(Generation, RefusesAModelThatHasDiverged) {
  auto decoder = make_decoder_there(small_gpt2());
  decoder->named_parameters()["final_norm.bias"].detach().fill_(std::nan(""));
  EXPECT_THAT(error_of([&] { generate(decoder, {4}, {}); }), HasSubstr("have diverged"));
}

}  // namespace
}  // namespace aero::model
