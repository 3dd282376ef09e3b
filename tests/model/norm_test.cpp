#include "aero/model/norm.h"

#include <gtest/gtest.h>

#include "tests/support/tensors.h"
#include <cmath>

namespace aero::model {
namespace {

using testing_support::largest_difference;

torch::Tensor numbers(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64);
}

/// make_norm() with the weight 1, 2, 3 and, where it has one, the bias 10, 20, 30.
Part make(NormKind kind, bool with_bias) {
  const torch::NoGradGuard no_grad;
  const auto norm = make_norm(kind, 3, 0.5, with_bias);
  norm->to(torch::kFloat64);
  norm->named_parameters()["weight"].copy_(numbers({1, 2, 3}));
  if (auto* bias = norm->named_parameters().find("bias")) bias->copy_(numbers({10, 20, 30}));
  return norm;
}

// 1, 2, 6 have the mean 3 and the variance 14/3.
TEST(Norm, LayerNormIsTheHandsCount) {
  const double s = std::sqrt(14. / 3 + 0.5);
  const auto x = numbers({1, 2, 6});
  EXPECT_LE(largest_difference(make(NormKind::layernorm, true)->forward(x),
                               numbers({-2 / s + 10, -2 / s + 20, 9 / s + 30})),
            1e-14);
  EXPECT_LE(largest_difference(make(NormKind::layernorm, false)->forward(x),
                               numbers({-2 / s, -2 / s, 9 / s})),
            1e-14);
}

// The squares of 1, 2, 6 have the mean 41/3.
TEST(Norm, RmsNormIsTheHandsCount) {
  const double s = std::sqrt(41. / 3 + 0.5);
  EXPECT_LE(largest_difference(make(NormKind::rmsnorm, true)->forward(numbers({1, 2, 6})),
                               numbers({1 / s, 4 / s, 18 / s})),
            1e-14);
}

TEST(Norm, NoneIsTheInputItself) {
  const auto x = numbers({1, 2, 6});
  EXPECT_TRUE(make_norm(NormKind::none, 3, 1e-5, true)->forward(x).is_same(x));
}

}  // namespace
}  // namespace aero::model
