#include "aero/core/duration.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace aero {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Case {
  const char* text;
  Duration duration;
};

TEST(Duration, ReadsStepsTokensEpochsAndShares) {
  const Case cases[] = {
      {"0", {0, DurationUnit::steps}},
      {"1000", {1000, DurationUnit::steps}},
      {"10k", {10'000, DurationUnit::steps}},
      {"1.5k", {1'500, DurationUnit::steps}},
      {"7t", {7, DurationUnit::tokens}},
      {"3kt", {3'000, DurationUnit::tokens}},
      {"20Mt", {20'000'000, DurationUnit::tokens}},
      {"2.1Gt", {2'100'000'000, DurationUnit::tokens}},
      {"1e", {1, DurationUnit::epochs}},
      {"1.5e", {1.5, DurationUnit::epochs}},
      {"5%", {5, DurationUnit::percent}},
      {"0.1%", {0.1, DurationUnit::percent}},
      {"100%", {100, DurationUnit::percent}},
  };
  for (const Case& c : cases) EXPECT_EQ(parse_duration(c.text), c.duration) << c.text;
}

TEST(Duration, ScalesDecimalFractionsExactly) {
  EXPECT_EQ(parse_duration("1.001k").amount, 1001);
  EXPECT_EQ(parse_duration("4.35Mt").amount, 4'350'000);
  EXPECT_EQ(parse_duration("8.123456789Gt").amount, 8'123'456'789);
}

TEST(Duration, RefusesWhatIsNoDurationAndShowsTheForms) {
  for (const char* text : {"",    "e",   "%",    "t",   "ten", "-5",   "-1e",   "1 000",
                           " 5",  "5 ",  "5.",   ".5e", "1e5", "20mt", "20 Mt", "5kk",
                           "1ke", "5k%", "0x10", "nan", "inf", "1,5e", "+3",    "1.2.3e"}) {
    EXPECT_THAT([&] { parse_duration(text); }, ThrowsMessage<UsageError>(HasSubstr("\"20Mt\"")))
        << text;
  }
}

TEST(Duration, SaysWhatIsWrong) {
  const auto parse = [](const char* text) { return [text] { parse_duration(text); }; };
  EXPECT_THAT(parse("-5"),
              ThrowsMessage<UsageError>(HasSubstr("\"-5\": a duration is not negative")));
  EXPECT_THAT(parse("7days"), ThrowsMessage<UsageError>(HasSubstr("unknown unit \"days\"")));
  EXPECT_THAT(parse("0.5"), ThrowsMessage<UsageError>(HasSubstr("a fraction of a step")));
  EXPECT_THAT(parse("1.0005k"), ThrowsMessage<UsageError>(HasSubstr("a fraction of a step")));
  EXPECT_THAT(parse("0.5t"), ThrowsMessage<UsageError>(HasSubstr("a fraction of a token")));
  EXPECT_THAT(parse("101%"), ThrowsMessage<UsageError>(HasSubstr("more than 100%")));
  EXPECT_THAT(parse("9999999999999999999"), ThrowsMessage<UsageError>(HasSubstr("too long")));
  EXPECT_THAT(parse("99999999999Gt"), ThrowsMessage<UsageError>(HasSubstr("too long")));
}

TEST(Duration, PrintsTheCanonicalText) {
  EXPECT_EQ(to_string({1000, DurationUnit::steps}), "1000");
  EXPECT_EQ(to_string({0, DurationUnit::tokens}), "0t");
  EXPECT_EQ(to_string({20e6, DurationUnit::tokens}), "20Mt");
  EXPECT_EQ(to_string({2'100'000'000, DurationUnit::tokens}), "2100Mt");
  EXPECT_EQ(to_string({1'234'567, DurationUnit::tokens}), "1234567t");
  EXPECT_EQ(to_string({1, DurationUnit::epochs}), "1e");
  EXPECT_EQ(to_string({0.1, DurationUnit::epochs}), "0.1e");
  EXPECT_EQ(to_string({0.00001, DurationUnit::epochs}), "0.00001e");
  EXPECT_EQ(to_string({2.5, DurationUnit::percent}), "2.5%");
}

TEST(Duration, ReadsBackWhatItPrints) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(-6, 15);
  for (int i = 0; i < 20'000; ++i) {
    const double amount = std::pow(10.0, exponent(random));
    for (const auto unit : {DurationUnit::steps, DurationUnit::tokens, DurationUnit::epochs}) {
      const Duration duration{unit == DurationUnit::epochs ? amount : std::floor(amount), unit};
      ASSERT_EQ(parse_duration(to_string(duration)), duration) << to_string(duration);
    }
  }
}

TEST(Duration, BecomesTheNearestNumberOfSteps) {
  const RunLength run{.tokens_per_step = 1024, .steps_per_epoch = 37.5, .total_steps = 390};
  EXPECT_EQ(to_steps({12, DurationUnit::steps}, run), 12);
  EXPECT_EQ(to_steps({10'240, DurationUnit::tokens}, run), 10);
  EXPECT_EQ(to_steps({10'751, DurationUnit::tokens}, run), 10);  // 10.499
  EXPECT_EQ(to_steps({10'753, DurationUnit::tokens}, run), 11);  // 10.501
  EXPECT_EQ(to_steps({2, DurationUnit::epochs}, run), 75);
  EXPECT_EQ(to_steps({5, DurationUnit::percent}, run), 20);  // 19.5
}

TEST(Duration, IsAtLeastOneStepUnlessItIsZero) {
  const RunLength run{.tokens_per_step = 1024, .steps_per_epoch = 3, .total_steps = 10};
  EXPECT_EQ(to_steps({1, DurationUnit::tokens}, run), 1);
  EXPECT_EQ(to_steps({0.001, DurationUnit::epochs}, run), 1);
  EXPECT_EQ(to_steps({1, DurationUnit::percent}, run), 1);
  for (const auto unit :
       {DurationUnit::steps, DurationUnit::tokens, DurationUnit::epochs, DurationUnit::percent}) {
    EXPECT_EQ(to_steps({0, unit}, run), 0);
  }
}

TEST(Duration, RefusesEpochsAndSharesOfUnknownLength) {
  const RunLength run{.tokens_per_step = 1024, .steps_per_epoch = 0, .total_steps = 0};
  EXPECT_THAT(
      [&] {
        to_steps({1, DurationUnit::epochs}, run);
      },
      ThrowsMessage<UsageError>(HasSubstr("length of an epoch is not known")));
  EXPECT_THAT(
      [&] {
        to_steps({5, DurationUnit::percent}, run);
      },
      ThrowsMessage<UsageError>(HasSubstr("length is not known")));
}

}  // namespace
}  // namespace aero
