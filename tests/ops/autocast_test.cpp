#include "aero/ops/autocast.h"

#include "tests/support/autocast.h"
#include "tests/support/device.h"

#include <gtest/gtest.h>

namespace aero::ops {
namespace {

using testing_support::Autocast;
using testing_support::test_device;

TEST(ToAutocastDtype, LeavesATensorAloneWhereAutocastIsOff) {
  const auto x = torch::ones({2}, test_device());
  EXPECT_TRUE(to_autocast_dtype(x).is_same(x));
}

TEST(ToAutocastDtype, GivesTheDtypeOfAutocast) {
  const auto x = torch::ones({2}, test_device());
  {
    const Autocast autocast(torch::kBFloat16);
    EXPECT_EQ(to_autocast_dtype(x).scalar_type(), torch::kBFloat16);
  }
  const Autocast autocast(torch::kFloat16);
  EXPECT_EQ(to_autocast_dtype(x).scalar_type(), torch::kFloat16);
}

TEST(ToAutocastDtype, LeavesFloat64Alone) {
  const Autocast autocast(torch::kBFloat16);
  EXPECT_EQ(to_autocast_dtype(torch::ones({2}, torch::device(test_device()).dtype(torch::kFloat64)))
                .scalar_type(),
            torch::kFloat64);
}

}  // namespace
}  // namespace aero::ops
