// Texts that are continued in one batch.

#include "aero/core/error.h"
#include "aero/model/generation.h"

#include "tests/model/cached_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace aero::model {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::int64_t many = 30;  // beyond the context of 12

class TogetherOf : public ::testing::TestWithParam<NamedModel> {};

INSTANTIATE_TEST_SUITE_P(Models, TogetherOf, ::testing::ValuesIn(cached_models()),
                         [](const auto& info) { return info.param.name; });

TokenIds make_prompt(std::int64_t length, std::int64_t first) {
  TokenIds prompt;
  for (std::int64_t i = 0; i < length; ++i) prompt.push_back((first + i * i) % 13);
  return prompt;
}

/// Prompts of one token, of equal lengths, of the context's length and beyond it.
std::vector<TokenIds> some_prompts() {
  return {make_prompt(3, 1),  make_prompt(1, 2), make_prompt(12, 3), make_prompt(7, 4),
          make_prompt(15, 5), make_prompt(3, 6), make_prompt(11, 0), make_prompt(2, 9)};
}

/// What each prompt gets alone, each token from a full forward pass.
std::vector<TokenIds> alone(Decoder& decoder, GenerationOptions options) {
  options.use_cache = false;
  std::vector<TokenIds> texts;
  for (const auto& prompt : some_prompts()) {
    texts.push_back(generate(decoder, prompt, options));
    ++options.sampling.seed;
  }
  return texts;
}

TEST_P(TogetherOf, EachTextGetsTheTokensThatItGetsAlone) {
  auto decoder = make_decoder_there(GetParam().config);
  for (const double temperature : {0., 1.5}) {
    const SamplingOptions sampling{.temperature = temperature, .top_p = 0.95, .seed = 5};
    GenerationOptions options{.sampling = sampling, .max_tokens = many};
    const auto expected = alone(decoder, options);
    EXPECT_THAT(expected, Each(SizeIs(many)));
    EXPECT_EQ(generate_together(decoder, some_prompts(), options), expected);
    options.use_cache = false;
    EXPECT_EQ(generate_together(decoder, some_prompts(), options), expected);
  }
}

TEST_P(TogetherOf, TextsGoOnWhereOthersHaveEnded) {
  auto decoder = make_decoder_there(GetParam().config);
  GenerationOptions options{.sampling = {.temperature = 2, .seed = 1}, .max_tokens = many};
  options.stop_token = 4;
  const auto expected = alone(decoder, options);
  std::map<std::size_t, int> lengths;
  for (const auto& text : expected) ++lengths[text.size()];
  ASSERT_GE(lengths.size(), 4U);  // they end at different times
  EXPECT_EQ(generate_together(decoder, some_prompts(), options), expected);
}

TEST(Together, EachEndIsReportedAfterTheTextsLastToken) {
  auto decoder = make_decoder_there(small_gpt2());
  const auto prompts = some_prompts();
  std::vector<TokenIds> passed(prompts.size());
  std::vector<std::size_t> ended;
  TextEvents events;
  events.on_token = [&](std::size_t text, std::int64_t token) {
    EXPECT_THAT(ended, Not(Contains(text)));
    passed[text].push_back(token);
    return passed[text].size() < 2 + text % 3;
  };
  events.on_end = [&](std::size_t text) { ended.push_back(text); };
  const auto texts = generate_together(decoder, prompts, {.max_tokens = 3}, events);
  EXPECT_EQ(texts, passed);
  std::vector<std::size_t> lengths;
  for (const auto& text : texts) lengths.push_back(text.size());
  EXPECT_THAT(lengths, ElementsAre(2, 3, 3, 2, 3, 3, 2, 3));
  std::ranges::sort(ended);
  EXPECT_THAT(ended, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(Together, NoPromptsGiveNoTexts) {
  auto decoder = make_decoder_there(small_gpt2());
  EXPECT_THAT(generate_together(decoder, {}, {}), IsEmpty());
  EXPECT_THAT(generate_together(decoder, {{1}, {2}}, {.max_tokens = 0}),
              ElementsAre(IsEmpty(), IsEmpty()));
  EXPECT_THROW(generate_together(decoder, {{1}, {}}, {}), UsageError);
}

}  // namespace
}  // namespace aero::model
