#include "aero/config/json_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace aero {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;
using Kind = JsonValue::Kind;

TEST(JsonParser, KeepsOrderRepetitionAndTheWrittenNumber) {
  const JsonValue root = parse_json(R"({"b": 1, "a": 2.50, "b": [true, null]})");
  ASSERT_EQ(root.members.size(), 3U);
  EXPECT_EQ(root.members[0].key, "b");
  EXPECT_EQ(root.members[0].value.integer, 1);
  EXPECT_EQ(root.members[1].key, "a");
  EXPECT_EQ(root.members[1].value.real, 2.5);
  EXPECT_EQ(root.members[1].value.text, "2.50");
  EXPECT_EQ(root.members[2].key, "b");
  ASSERT_EQ(root.members[2].value.members.size(), 2U);
  EXPECT_TRUE(root.members[2].value.members[0].value.boolean);
  EXPECT_EQ(root.members[2].value.members[1].value.kind, Kind::null);
}

TEST(JsonParser, SkipsCommentsAndTrailingCommas) {
  const JsonValue root = parse_json(R"(// first
{
  "a": "// no comment, /* nor */ this,}",  /* a "quote" , */
  "b": {"c": [1, 2, /* last */ ], },  // ,
  "d\\": 3 , /* } */
  // ,
}  // end)");
  ASSERT_EQ(root.members.size(), 3U);
  EXPECT_EQ(root.members[0].value.text, "// no comment, /* nor */ this,}");
  EXPECT_EQ(root.members[1].value.members[0].value.members.size(), 2U);
  EXPECT_EQ(root.members[2].key, "d\\");
  EXPECT_EQ(root.members[2].value.integer, 3);
}

TEST(JsonParser, RefusesACommaThatFollowsNoValue) {
  for (const char* text : {"{,}", "[,]", "[1,,]", "{\"a\":1,,}", "{\"a\":,}", "[1],", ","}) {
    EXPECT_THROW(parse_json(text), JsonError) << text;
  }
}

TEST(JsonParser, SaysTheLineAndTheColumn) {
  const auto parse = [](const char* text) { return [text] { parse_json(text); }; };
  EXPECT_THAT(parse("{\"a\": 1,\n \"b\" 2}"),
              ThrowsMessage<JsonError>(StartsWith("line 2, column 6: ")));
  EXPECT_THAT(parse("{\n\n  'a': 1}"), ThrowsMessage<JsonError>(StartsWith("line 3, column 3: ")));
  EXPECT_THAT(parse("{\"a\": NaN}"), ThrowsMessage<JsonError>(StartsWith("line 1, column 7: ")));
  EXPECT_THAT(parse("{} x"), ThrowsMessage<JsonError>(StartsWith("line 1, column 4: ")));
  EXPECT_THAT(parse("{\"a\": 1e999}"), ThrowsMessage<JsonError>(HasSubstr("number overflow")));
  EXPECT_THAT(parse("/* open"), ThrowsMessage<JsonError>(HasSubstr("missing closing '*/'")));
}

TEST(JsonParser, DistinguishesIntegersFromOtherNumbers) {
  const JsonValue root = parse_json(
      "[9223372036854775807, -9223372036854775808, 9223372036854775808, 1e3, "
      "123456789012345678901234567890]");
  const auto kind = [&](std::size_t i) { return root.members[i].value.kind; };
  EXPECT_EQ(kind(0), Kind::integer);
  EXPECT_EQ(root.members[0].value.integer, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(kind(1), Kind::integer);
  EXPECT_EQ(root.members[1].value.integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(kind(2), Kind::real);
  EXPECT_EQ(kind(3), Kind::real);
  EXPECT_EQ(kind(4), Kind::real);
  EXPECT_EQ(root.members[4].value.shown(), "123456789012345678901234567890");
}

TEST(JsonParser, RefusesBottomlessNesting) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
  EXPECT_THAT([&] { parse_json(text); }, ThrowsMessage<JsonError>(HasSubstr("nested")));
}

TEST(JsonParser, SurvivesEveryTruncationOfAText) {
  const std::string text = R"({"a": [1, {"b": "\u00e9\\"}, /* c */ -2.5e3, true,], // d
})";
  EXPECT_NO_THROW(parse_json(text));
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_THROW(parse_json(text.substr(0, length)), JsonError) << length;
  }
}

}  // namespace
}  // namespace aero
