#include "aero/train/precision.h"

#include "aero/core/error.h"

#include <ATen/Context.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

namespace aero::train {
namespace {

torch::ScalarType product_dtype() {
  const auto x = torch::ones({4, 4});
  return torch::matmul(x, x).scalar_type();
}

TEST(AutocastGuard, LowersProductsWhileItLives) {
  {
    const AutocastGuard guard(torch::kCPU, Precision::bfloat16);
    EXPECT_EQ(product_dtype(), torch::kBFloat16);
  }
  EXPECT_EQ(product_dtype(), torch::kFloat32);
}

TEST(AutocastGuard, LeavesFloat32Alone) {
  const AutocastGuard guard(torch::kCPU, Precision::float32);
  EXPECT_EQ(product_dtype(), torch::kFloat32);
}

TEST(FindDevice, SaysThatThereIsNoCuda) {
  if (torch::hasCUDA()) return;
  EXPECT_EQ(find_device("auto"), torch::Device("cpu"));
  EXPECT_THROW(find_device("cuda:0"), UsageError);
}

TEST(SetArithmetic, AllowsTf32AndDeterminismAsTheConfigSays) {
  TrainConfig config;
  config.tf32 = config.deterministic = true;
  set_arithmetic(config);
  EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  EXPECT_FALSE(at::globalContext().deterministicAlgorithmsWarnOnly());
  EXPECT_STREQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), ":4096:8");
  set_arithmetic({});
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
  EXPECT_FALSE(at::globalContext().deterministicAlgorithms());
}

TEST(Unscale, DividesGradientsAndSeesAnOverflow) {
  const auto scale = torch::scalar_tensor(8, torch::kFloat64);
  const auto finite = torch::tensor({16.0F, 4.0F});
  EXPECT_EQ(unscale({finite}, scale).item<float>(), 0);
  EXPECT_TRUE(torch::equal(finite, torch::tensor({2.0F, 0.5F})));
  const auto infinite = torch::tensor({std::numeric_limits<float>::infinity()});
  EXPECT_EQ(unscale({torch::tensor({1.0F}), infinite}, scale).item<float>(), 1);
}

TEST(LossScaler, HalvesAfterAnOverflowAndDoublesAfterTwoThousandSteps) {
  LossScaler scaler(8);
  scaler.update(false);
  EXPECT_EQ(scaler.scale(), 4);
  for (int i = 0; i < 1999; ++i) scaler.update(true);
  EXPECT_EQ(scaler.scale(), 4);
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 8);
  EXPECT_EQ(scaler.growth(), 0);
}

}  // namespace
}  // namespace aero::train
