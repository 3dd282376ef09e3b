#include "aero/core/numbers.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace aero {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string fault(const std::string& text, IntegerRange range) {
  try {
    parse_integer("--seed", text, range);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no fault";
}

std::string fault(const std::string& text, NumberRange range) {
  try {
    parse_number("--temperature", text, range);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(Numbers, IntegersAreDecimalWhateverZerosStandInFront) {
  EXPECT_EQ(integer_from("010"), 10);
  EXPECT_EQ(integer_from("08"), 8);
  EXPECT_EQ(integer_from("-3"), -3);
  EXPECT_EQ(integer_from("0"), 0);
  EXPECT_EQ(integer_from("9223372036854775807"), 9223372036854775807);
  EXPECT_EQ(integer_from("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(Numbers, AnIntegerMayHaveAnExponentWhereNoDigitIsLost) {
  EXPECT_EQ(integer_from("1e6"), 1000000);
  EXPECT_EQ(integer_from("5.0"), 5);
  EXPECT_EQ(integer_from("9007199254740991.0"), 9007199254740991);
  EXPECT_EQ(integer_from("9007199254740993.0"), std::nullopt);  // reads as ...992
  EXPECT_EQ(integer_from("1e16"), std::nullopt);
}

TEST(Numbers, WhatIsNoIntegerIsNone) {
  for (const char* text : {"", "-", "+5", " 5", "5 ", "0x10", "1_000", "5.5", "nan", "inf", "1e400",
                           "9223372036854775808", "18446744073709551615", "12a", "--5"}) {
    EXPECT_EQ(integer_from(text), std::nullopt) << text;
  }
}

TEST(Numbers, NumbersAreFinite) {
  EXPECT_EQ(number_from("0.5"), 0.5);
  EXPECT_EQ(number_from("1e-8"), 1e-8);
  EXPECT_EQ(number_from("-3"), -3.0);
  for (const char* text : {"", "nan", "-nan", "NaN", "inf", "-inf", "infinity", "1e400", "0x1p3",
                           "1,5", "+1", "1.5x"}) {
    EXPECT_EQ(number_from(text), std::nullopt) << text;
  }
}

TEST(Numbers, ARefusalNamesTheOptionTheValueAndTheRange) {
  EXPECT_EQ(parse_integer("--seed", "010", {.low = 0}), 10);
  EXPECT_EQ(fault("-1", IntegerRange{.low = 0}), "--seed: -1: must be at least 0");
  EXPECT_EQ(fault("18446744073709551616", IntegerRange{.low = 0}),
            "--seed: 18446744073709551616: does not fit into 64 bits");
  EXPECT_EQ(fault("7", IntegerRange{.low = 1, .high = 5}), "--seed: 7: must be from 1 to 5");
  EXPECT_EQ(fault("9223372036854775808", IntegerRange{}),
            "--seed: 9223372036854775808: does not fit into 64 bits");
  EXPECT_EQ(fault("abc", IntegerRange{}), "--seed: abc: expected an integer");
  EXPECT_EQ(fault("", IntegerRange{}), "--seed: \"\": expected an integer");
  EXPECT_EQ(fault("nan", NumberRange{.low = 0}), "--temperature: nan: expected a finite number");
  EXPECT_EQ(fault("-0.5", NumberRange{.low = 0}), "--temperature: -0.5: must be at least 0");
  EXPECT_EQ(fault("0", NumberRange{.low = 0, .high = 1, .low_open = true}),
            "--temperature: 0: must be above 0 and at most 1");
}

TEST(Numbers, NoMessagePrintsHundredsOfDigits) {
  const std::string digits(309, '9');
  EXPECT_THAT(fault(digits, IntegerRange{.low = 0}), SizeIs(::testing::Lt(90U)));
  EXPECT_THAT(fault(digits + "e9", NumberRange{.low = 0, .high = 1e300}),
              HasSubstr("...: expected a finite number"));
  EXPECT_THAT(fault("-1", NumberRange{.low = 0, .high = std::numeric_limits<double>::max()}),
              SizeIs(::testing::Lt(90U)));
}

TEST(Numbers, AProductThatDoesNotFitIsNone) {
  EXPECT_EQ(product({3, 4, 5}), 60);
  EXPECT_EQ(product({}), 1);
  EXPECT_EQ(product({3037000499, 3037000499}), 9223372030926249001);
  EXPECT_EQ(product({3037000500, 3037000500}), std::nullopt);
  EXPECT_EQ(product({1LL << 62, 4, 0}), 0);
  EXPECT_EQ(product({1LL << 62, 2}), std::nullopt);
}

TEST(Numbers, ALongTextIsCutBetweenCharacters) {
  EXPECT_EQ(shortened("short"), "short");
  EXPECT_EQ(shortened(std::string(39, 'a') + "\xC3\xA4" + "b"), std::string(39, 'a') + "...");
}

}  // namespace
}  // namespace aero
