#include "aero/pipeline/ablate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::pipeline {
namespace {

TEST(Shard, IsReadAsTheIthOfN) {
  const auto shard = parse_shard("2/5");
  EXPECT_EQ(shard.index, 1U);
  EXPECT_EQ(shard.count, 5U);
}

TEST(Shard, RefusesWhatIsNone) {
  for (const char* text : {"", "2", "0/5", "6/5", "a/b", "1/", "/2", "1/2/3", "-1/2", "1/2x"}) {
    EXPECT_THROW(parse_shard(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace aero::pipeline
