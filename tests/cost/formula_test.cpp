#include "src/cost/formula.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

namespace aero::cost {
namespace {

using testing::HasSubstr;

constexpr Dimension plain{};
constexpr Dimension bytes{1, 0};
constexpr Dimension seconds{0, 1};

/// a = 3, b = 4 (plain), size = 10 bytes, time = 2 seconds, twice(x) = 2 x in bytes.
double value(const std::string& text) {
  const std::map<std::string, double> names{{"a", 3}, {"b", 4}};
  const std::map<std::string, double> constants{{"size", 10}, {"time", 2}};
  return Formula::parse(text).value(
      {names, constants,
       [](const std::string&, const std::vector<double>& x) { return 2 * x.at(0); }});
}

Formula::Names scope() {
  return {{{"a", plain}, {"b", plain}, {"size", bytes}, {"time", seconds}},
          [](const std::string& function, std::size_t arguments) {
            if (function != "twice" || arguments != 1) throw FormulaError("no " + function);
            return bytes;
          }};
}

/// The message of the fault, empty where the formula passes.
std::string fault(const std::string& text, const Dimension& expected = bytes) {
  try {
    Formula::parse(text).check(scope(), expected);
  } catch (const FormulaError& error) {
    return error.what();
  }
  return "";
}

TEST(Formula, KnowsNumbersAsTheyAreWritten) {
  EXPECT_EQ(value("7"), 7);
  EXPECT_EQ(value("1.5"), 1.5);
  EXPECT_EQ(value(".5"), 0.5);
  EXPECT_EQ(value("2e-3"), 0.002);
  EXPECT_EQ(value("1E3"), 1000);
}

TEST(Formula, BindsAsArithmeticDoes) {
  EXPECT_EQ(value("2 + 3 * 4"), 14);
  EXPECT_EQ(value("(2 + 3) * 4"), 20);
  EXPECT_EQ(value("10 - 3 - 2"), 5);
  EXPECT_EQ(value("24 / 4 / 2"), 3);
  EXPECT_EQ(value("2 * 3 ^ 2"), 18);
  EXPECT_EQ(value("-2 ^ 2"), -4);
  EXPECT_EQ(value("2 ^ -1"), 0.5);
  EXPECT_EQ(value("2 ^ 3 ^ 2"), 512);
  EXPECT_EQ(value("- - 5"), 5);
  EXPECT_EQ(value("a*b+size"), 22);
}

TEST(Formula, KnowsItsFunctions) {
  EXPECT_EQ(value("ceil(8193 / 8192)"), 2);
  EXPECT_EQ(value("ceil(8192 / 8192)"), 1);
  EXPECT_EQ(value("floor(1.9)"), 1);
  EXPECT_EQ(value("log2(8192)"), 13);
  EXPECT_EQ(value("min(a, b, 5)"), 3);
  EXPECT_EQ(value("max(a, b)"), 4);
  EXPECT_EQ(value("twice(a + b)"), 14);
}

TEST(Formula, LosesNoNanInMinAndMax) {
  EXPECT_TRUE(std::isnan(value("max(0, 0 / 0)")));
  EXPECT_TRUE(std::isnan(value("min(0 / 0, 1)")));
}

TEST(Formula, ReportsWhereATextIsNotAFormula) {
  const auto reason = [](const std::string& text) {
    try {
      Formula::parse(text);
    } catch (const FormulaError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(reason(""), "at character 1: expected a number, a name or \"(\", not the end");
  EXPECT_EQ(reason("2 +"), "at character 4: expected a number, a name or \"(\", not the end");
  EXPECT_EQ(reason("2 3"), "at character 3: expected an operator or the end, not \"3\"");
  EXPECT_EQ(reason("2n"), "at character 2: expected an operator, not \"n\"");
  EXPECT_EQ(reason("(2"), "at character 3: expected \")\", not the end");
  EXPECT_EQ(reason("ceil(2"), "at character 7: expected \")\", not the end");
  EXPECT_EQ(reason("2 % 3"), "at character 3: expected an operator or the end, not \"%\"");
  EXPECT_THAT(reason("1e999"), HasSubstr("at character 1: not a finite number"));
  EXPECT_THAT(reason(std::string(100000, '(')), HasSubstr("nested too deeply"));
  EXPECT_THAT(reason(std::string(100000, '-') + "1"), HasSubstr("nested too deeply"));
}

TEST(Formula, KeepsDimensionsApart) {
  EXPECT_EQ(fault("a * size"), "");
  EXPECT_EQ(fault("size / time * time"), "");
  EXPECT_EQ(fault("size + twice(a)"), "");
  EXPECT_EQ(fault("max(size, 0)"), "");
  EXPECT_EQ(fault("0"), "");
  EXPECT_EQ(fault("a * 0 + size"), "");
  EXPECT_EQ(fault("size / size", plain), "");
  EXPECT_EQ(fault("ceil(size / size)", plain), "");
  EXPECT_EQ(fault("size + time"), "+ adds values of one dimension, not bytes and seconds");
  EXPECT_EQ(fault("size - 1"), "- subtracts values of one dimension, not bytes and a plain number");
  EXPECT_EQ(fault("min(size, a)"),
            "min compares values of one dimension, not bytes and a plain number");
  EXPECT_EQ(fault("a"), "gives a plain number; expected bytes");
  EXPECT_EQ(fault("size * size"), "gives bytes^2; expected bytes");
  EXPECT_EQ(fault("time / size", seconds), "gives seconds / bytes; expected seconds");
  EXPECT_EQ(fault("ceil(size)"), "ceil() takes plain numbers, not bytes");
  EXPECT_EQ(fault("log2(time)"), "log2() takes plain numbers, not seconds");
  EXPECT_EQ(fault("twice(size)"), "twice() takes plain numbers, not bytes");
  EXPECT_EQ(fault("size ^ 2"), "^ takes plain numbers, not bytes");
}

TEST(Formula, ReportsNamesAndArgumentsThatDoNotFit) {
  EXPECT_EQ(fault("a * sizes"),
            "unknown name \"sizes\", did you mean \"size\"? one of: a, b, size, time");
  EXPECT_EQ(fault("ceil(a, b)"), "ceil takes one argument, not 2");
  EXPECT_EQ(fault("ceil()"), "ceil takes one argument, not 0");
  EXPECT_EQ(fault("max(size)"), "max takes two or more arguments");
  EXPECT_EQ(fault("thrice(a)"), "no thrice");
}

TEST(Unit, IsAPowerOfAThousandOrAQuotient) {
  const auto is = [](const char* text, double factor, const Dimension& dimension) {
    const auto unit = parse_unit(text);
    return unit && unit->factor == factor && unit->dimension == dimension;
  };
  EXPECT_TRUE(is("1", 1, plain));
  EXPECT_TRUE(is("B", 1, bytes));
  EXPECT_TRUE(is("kB", 1000, bytes));
  EXPECT_TRUE(is("GB", 1e9, bytes));
  EXPECT_TRUE(is("ms", 1e-3, seconds));
  EXPECT_TRUE(is("s/GB", 1e-9, Dimension{-1, 1}));
  EXPECT_FALSE(parse_unit("KB"));
  EXPECT_FALSE(parse_unit("KiB"));
  EXPECT_FALSE(parse_unit("s/"));
  EXPECT_FALSE(parse_unit(""));
}

}  // namespace
}  // namespace aero::cost
