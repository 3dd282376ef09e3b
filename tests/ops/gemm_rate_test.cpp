#include "aero/ops/gemm_rate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace aero::ops {
namespace {

TEST(GemmRate, IsPositiveAndFinite) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    const double rate = gemm_rate(dtype, torch::kCPU, 64, 0.01);
    EXPECT_GT(rate, 0);
    EXPECT_TRUE(std::isfinite(rate));
  }
}

// No CPU does a float32 operation in less than 1 / 10^15 s, and none needs a microsecond for one.
TEST(GemmRate, IsThatOfAComputer) {
  const double rate = gemm_rate(torch::kFloat32, torch::kCPU, 128, 0.01);
  EXPECT_GT(rate, 1e6);
  EXPECT_LT(rate, 1e15);
}

}  // namespace
}  // namespace aero::ops
