#include "aero/ops/linear.h"

#include "src/ops/matrix_product.h"
#include "tests/support/autocast.h"
#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <torch/autograd.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

using testing_support::Autocast;
using testing_support::back;
using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;
using testing_support::relative_difference;
using testing_support::test_device;
using testing_support::tests_the_cpu;
using testing_support::there;

/// Gives y and the gradients of x, weight and bias; the last is undefined without a bias.
template <class Linear>
std::vector<torch::Tensor> differentiate(const std::vector<std::int64_t>& batch, bool with_bias,
                                         torch::ScalarType dtype, Linear linear) {
  const auto leaf = [&](const torch::Tensor& x) { return there(x.to(dtype)).requires_grad_(); };
  auto sizes = batch;
  sizes.push_back(24);
  const auto x = leaf(normal(sizes, 1)), weight = leaf(normal({40, 24}, 2));
  const auto bias = with_bias ? leaf(normal({40}, 3)) : torch::Tensor();
  const torch::Tensor y = linear(x, weight, bias);
  // Rounded to bfloat16, so that all dtypes here hold the same numbers.
  y.backward(there(normal(y.sizes(), 4).to(torch::kBFloat16)).to(y.scalar_type()));
  return {back(y.detach()), back(x.grad()), back(weight.grad()),
          with_bias ? back(bias.grad()) : torch::Tensor()};
}

const std::vector<std::vector<std::int64_t>> batches{{3, 50}, {1}, {2, 3, 4}};

TEST(Linear, IsPyTorchsWithTheSumOfFloat64AsTheBiasesGradient) {
  for (const auto half : {torch::kBFloat16, torch::kFloat16}) {
    const Autocast autocast(half);
    for (const auto& batch : batches) {
      for (const bool with_bias : {true, false}) {
        const auto pytorchs = [](const auto& x, const auto& weight, const auto& bias) {
          return torch::linear(x, weight, bias);
        };
        if (tests_the_cpu() && half == torch::kBFloat16) continue;  // these are AERO's products
        const auto expected = differentiate(batch, with_bias, torch::kFloat32, pytorchs);
        const auto actual = differentiate(batch, with_bias, torch::kFloat32, linear);
        for (const int i : {0, 1, 2}) EXPECT_TRUE(torch::equal(actual[i], expected[i])) << i;
        ASSERT_EQ(actual[3].defined(), with_bias);
        if (!with_bias) continue;
        EXPECT_EQ(actual[3].scalar_type(), torch::kFloat32);
        const auto wide =
            normal(actual[0].sizes(), 4).to(torch::kBFloat16).to(torch::kFloat64).flatten(0, -2);
        // PyTorch rounds the sum to 16 bits on the CPU; the kernel does not.
        const double rounding = tests_the_cpu() ? 1.0 / 256 : 1e-6;
        EXPECT_LE(largest_difference(actual[3], wide.sum(0)),
                  rounding * (1 + largest(wide.sum(0))));
      }
    }
  }
}

TEST(Linear, IsPyTorchsToTheBitInFloat64) {
  if (!tests_the_cpu()) GTEST_SKIP() << "elsewhere AERO's kernel sums the bias's gradient";
  const auto expected = differentiate({3, 50}, true, torch::kFloat64,
                                      [](const auto& x, const auto& weight, const auto& bias) {
                                        return torch::linear(x, weight, bias);
                                      });
  const auto actual = differentiate({3, 50}, true, torch::kFloat64, linear);
  for (const int i : {0, 1, 2, 3}) EXPECT_TRUE(torch::equal(actual[i], expected[i])) << i;
}

/// Gives what differentiate() does, in float64, for factors rounded to `dtype`.
std::vector<torch::Tensor> expected_of(const std::vector<std::int64_t>& batch, bool with_bias,
                                       torch::ScalarType dtype) {
  return differentiate(batch, with_bias, torch::kFloat64,
                       [&](const auto& x, const auto& weight, const auto& bias) {
                         return torch::linear(x.to(dtype).to(x.scalar_type()),
                                              weight.to(dtype).to(x.scalar_type()), bias);
                       });
}

TEST(Linear, IsCloseToFloat64InFloat32) {
  for (const auto& batch : batches) {
    const auto expected = expected_of(batch, true, torch::kFloat32);
    const auto actual = differentiate(batch, true, torch::kFloat32, linear);
    for (const int i : {0, 1, 2, 3}) {
      EXPECT_LE(largest_difference(actual[i], expected[i]), 1e-6 * largest(expected[i])) << i;
    }
  }
}

TEST(Linear, RoundsNoMoreThanResultsToBfloat16) {
  const Autocast autocast(torch::kBFloat16);
  for (const auto& batch : batches) {
    const auto expected = expected_of(batch, true, torch::kBFloat16);
    const auto actual = differentiate(batch, true, torch::kFloat32, linear);
    for (const int i : {0, 1, 2, 3}) {
      const auto allowed = expected[i].abs() / 256 + largest(expected[i]) / 512;
      EXPECT_TRUE((actual[i] - expected[i]).abs().le(allowed).all().item<bool>()) << i;
    }
  }
}

TEST(Linear, DoesNotRoundTheGradientsOfParametersToBfloat16) {
  if (!tests_the_cpu()) GTEST_SKIP() << "elsewhere autocast rounds the weight's gradient";
  const Autocast autocast(torch::kBFloat16);
  const auto rounded = [](const torch::Tensor& x) { return x.to(torch::kBFloat16); };
  const auto x = rounded(normal({64, 300}, 1));
  const auto dy = rounded(normal({64, 400}, 2));
  if (!has_matrix_product(dy.t(), x)) GTEST_SKIP() << "LibTorch multiplies these here";
  const auto weight = normal({400, 300}, 3).to(torch::kFloat32).requires_grad_();
  const auto bias = normal({400}, 4).to(torch::kFloat32).requires_grad_();
  linear(x, weight, bias).backward(dy);
  const auto wide = dy.to(torch::kFloat64);
  EXPECT_LE(relative_difference(weight.grad(), wide.t().mm(x.to(torch::kFloat64))), 1e-6);
  EXPECT_LE(relative_difference(bias.grad(), wide.sum(0)), 1e-6);
}

TEST(Linear, GivesTheSameBitsEachTime) {
  const Autocast autocast(torch::kBFloat16);
  const auto once = differentiate({3000}, true, torch::kFloat32, linear);
  const auto twice = differentiate({3000}, true, torch::kFloat32, linear);
  for (const int i : {0, 1, 2, 3}) EXPECT_TRUE(torch::equal(once[i], twice[i])) << i;
}

TEST(Linear, NeedsNoGradientOfTheBias) {
  const Autocast autocast(torch::kBFloat16);
  const auto x = there(normal({5, 24}, 1).to(torch::kFloat32)).requires_grad_();
  const auto weight = there(normal({40, 24}, 2).to(torch::kFloat32));
  linear(x, weight, there(torch::ones({40}))).sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

TEST(ColumnSumsOp, TakeAnyStrides) {
  const auto x = there(normal({40, 3000}, 1).to(torch::kFloat32)).t();
  EXPECT_LE(largest_difference(column_sums(x), back(x).to(torch::kFloat64).sum(0)), 1e-3);
  EXPECT_EQ(column_sums(torch::ones({2, 3, 5}, test_device())).sizes(),
            (std::vector<std::int64_t>{5}));
}

}  // namespace
}  // namespace aero::ops
