#include "aero/ops/residual.h"

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
using testing_support::test_device;
using testing_support::tests_the_cpu;
using testing_support::there;

const std::vector<std::int64_t> shape{3, 50, 33};

torch::Tensor leaf(const torch::Tensor& x) {
  return x.defined() ? there(x).detach().requires_grad_() : x;
}

torch::Tensor gradient_of(const torch::Tensor& x) {
  return x.defined() ? x.grad() : x;
}

/// Which results others read.
enum class Read { sum, y, both };

/// Gives the results and the gradients of x and branch.
template <class Sum>
std::vector<torch::Tensor> differentiate(const torch::Tensor& branch, Read read, Sum function) {
  const auto x = leaf(normal(shape, 1).to(torch::kFloat32)), added = leaf(branch);
  const Summed out = function(x, added);
  auto total = torch::zeros({}, test_device());
  if (read != Read::y) total = total + (out.sum * there(normal(shape, 5))).sum();
  if (read != Read::sum) total = total + (out.y * there(normal(shape, 6))).sum();
  total.backward();
  return {out.sum.detach(), out.y.detach(), gradient_of(x), gradient_of(added)};
}

TEST(CastOfSum, IsToTheBitThatOfTheOperations) {
  for (const auto half : {torch::kBFloat16, torch::kFloat16}) {
    const Autocast autocast(half);
    for (const auto& branch : {normal(shape, 2).to(half), normal(shape, 2).to(torch::kFloat32),
                               normal({33}, 2).to(half), torch::Tensor()}) {
      for (const auto read : {Read::sum, Read::y, Read::both}) {
        const auto actual = differentiate(branch, read, cast_of_sum);
        const auto expected =
            differentiate(branch, read, [&](const torch::Tensor& x, const torch::Tensor& added) {
              const auto sum = added.defined() ? x + added : x;
              return Summed{sum, sum.to(half)};
            });
        for (std::size_t i = 0; i < expected.size(); ++i) {
          SCOPED_TRACE(i);
          ASSERT_EQ(actual[i].defined(), expected[i].defined());
          if (!expected[i].defined()) continue;
          EXPECT_EQ(actual[i].scalar_type(), expected[i].scalar_type());
          EXPECT_TRUE(torch::equal(actual[i], expected[i]));
        }
      }
    }
  }
}

TEST(CastOfSum, TakesAnyStridesAndAddresses) {
  const Autocast autocast(torch::kBFloat16);
  const auto all = there(normal({1 + 50 * 33}, 1).to(torch::kFloat32));
  const auto shifted = all.narrow(0, 1, 50 * 33).view({50, 33});
  const auto turned = all.narrow(0, 0, 50 * 33).view({33, 50}).t();
  const auto branch = there(normal({33, 50}, 2).to(torch::kBFloat16)).t();
  for (const auto& x : {shifted, turned}) {
    const auto out = cast_of_sum(x, branch);
    EXPECT_TRUE(torch::equal(out.sum, x + branch));
    EXPECT_TRUE(torch::equal(out.y, (x + branch).to(torch::kBFloat16)));
    EXPECT_TRUE(torch::equal(cast_of_sum(x, {}).y, x.to(torch::kBFloat16)));
  }
}

TEST(CastOfSum, GivesTheBranchAloneItsGradient) {
  const Autocast autocast(torch::kBFloat16);
  const auto x = there(normal(shape, 1).to(torch::kFloat32));
  const auto branch = leaf(normal(shape, 2).to(torch::kBFloat16));
  const auto w = there(normal(shape, 3).to(torch::kBFloat16));
  cast_of_sum(x, branch).y.backward(w);
  EXPECT_TRUE(torch::equal(branch.grad(), w));
}

TEST(CastOfSum, CastsNothingWithoutAutocast) {
  const auto x = there(normal(shape, 1).to(torch::kFloat32));
  const auto out = cast_of_sum(x, {});
  EXPECT_EQ(out.y.scalar_type(), torch::kFloat32);
  EXPECT_TRUE(torch::equal(out.y, x));
}

/// Gives y and the gradients of h, f, alpha and beta.
template <class Sum>
std::vector<torch::Tensor> differentiate_scaled(torch::ScalarType h_dtype,
                                                torch::ScalarType f_dtype, Sum function) {
  const auto scale_dtype = torch::promote_types(h_dtype, torch::kFloat32);
  const auto h = leaf(normal(shape, 1).to(torch::kBFloat16).to(h_dtype));
  const auto f = leaf(normal(shape, 2).to(torch::kBFloat16).to(f_dtype));
  const auto alpha = leaf(torch::full({1}, -1.75, scale_dtype));
  const auto beta = leaf(torch::full({1}, 0.625, scale_dtype));
  const torch::Tensor y = function(h, f, alpha, beta);
  y.backward(there(normal(shape, 3).to(torch::kBFloat16)).to(y.scalar_type()));
  return {y.detach(), h.grad(), f.grad(), alpha.grad(), beta.grad()};
}

torch::Tensor written_out(const torch::Tensor& h, const torch::Tensor& f,
                          const torch::Tensor& alpha, const torch::Tensor& beta) {
  return beta * h + f / alpha;
}

TEST(ScaledSum, IsTheFormulaWithItsGradients) {
  const Autocast autocast(torch::kBFloat16);
  const auto wide = torch::kFloat64;
  const auto formula = differentiate_scaled(wide, wide, written_out);
  for (const auto f_dtype : {torch::kFloat32, torch::kBFloat16, torch::kFloat16}) {
    const auto actual = differentiate_scaled(torch::kFloat32, f_dtype, scaled_sum);
    for (std::size_t i = 0; i < formula.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << f_dtype << " " << i);
      EXPECT_EQ(actual[i].scalar_type(), i == 2 ? f_dtype : torch::kFloat32);
      const double rounding = i == 2 && f_dtype != torch::kFloat32 ? 1.0 / 256 : 0;
      EXPECT_LE(largest_difference(actual[i], formula[i]),
                (2e-6 + rounding) * (1 + largest(formula[i])));
    }
  }
}

TEST(ScaledSum, IsTheFormulaToTheBitOnTheCpu) {
  if (!tests_the_cpu()) GTEST_SKIP() << "elsewhere AERO's kernel adds in another order";
  for (const auto dtype : {torch::kFloat64, torch::kFloat32, torch::kBFloat16}) {
    const auto actual = differentiate_scaled(dtype, dtype, scaled_sum);
    const auto expected = differentiate_scaled(dtype, dtype, written_out);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(torch::equal(actual[i], expected[i])) << i;
    }
  }
}

TEST(ScaledSum, GivesTheSameBitsEachTime) {
  const Autocast autocast(torch::kBFloat16);
  const auto once = differentiate_scaled(torch::kFloat32, torch::kBFloat16, scaled_sum);
  const auto twice = differentiate_scaled(torch::kFloat32, torch::kBFloat16, scaled_sum);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_TRUE(torch::equal(once[i], twice[i])) << i;
}

}  // namespace
}  // namespace aero::ops
