#include "aero/ops/gemm_rate.h"

#include "tests/support/device.h"

#include <gtest/gtest.h>

#include <cmath>

namespace aero::ops {
namespace {

using testing_support::test_device;

TEST(GemmRate, IsPositiveAndFinite) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    const double rate = gemm_rate(dtype, test_device(), 64, 0.01);
    EXPECT_GT(rate, 0);
    EXPECT_TRUE(std::isfinite(rate));
  }
}

// No device does a float32 operation in less than 1 / 10^16 s, and none needs a microsecond for
// one.
TEST(GemmRate, IsThatOfAComputer) {
  const double rate = gemm_rate(torch::kFloat32, test_device(), 128, 0.01);
  EXPECT_GT(rate, 1e6);
  EXPECT_LT(rate, 1e16);
}

TEST(GemmRate, LeavesTheDefaultGeneratorAlone) {
  torch::manual_seed(7);
  const auto expected = torch::rand({4}, test_device());
  torch::manual_seed(7);
  gemm_rate(torch::kFloat32, test_device(), 64, 0.001);
  EXPECT_TRUE(torch::equal(torch::rand({4}, test_device()), expected));
}

}  // namespace
}  // namespace aero::ops
