#include "aero/ops/gelu.h"

#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

namespace aero::ops {
namespace {

using testing_support::back;
using testing_support::largest_difference;
using testing_support::normal;
using testing_support::there;

constexpr auto infinity = std::numeric_limits<double>::infinity();

const char* name_of(GeluForm form) {
  return form == GeluForm::exact ? "none" : "tanh";
}

/// Every bfloat16 from -12 to 12, and large ones.
torch::Tensor numbers() {
  const auto some = torch::linspace(-12, 12, 200001, torch::kFloat64);
  return torch::cat({some, some / 1000, some * 1000, some * 1e30}).to(torch::kBFloat16);
}

/// GELU and its gradient for gradients `dy` of the result.
template <class Gelu>
std::pair<torch::Tensor, torch::Tensor> differentiate(const torch::Tensor& x,
                                                      const torch::Tensor& dy, Gelu function) {
  const auto leaf = x.detach().requires_grad_();
  const torch::Tensor y = function(leaf);
  y.backward(dy);
  return {back(y.detach()), back(leaf.grad())};
}

class GeluOf : public testing::TestWithParam<GeluForm> {};

TEST_P(GeluOf, Bfloat16IsCloseToFloat64) {
  const auto x = numbers();
  const auto dy = normal(x.sizes(), 1).to(torch::kBFloat16);
  const auto own = [&](const auto& value) { return gelu(value, GetParam()); };
  const auto reference = [&](const auto& value) { return torch::gelu(value, name_of(GetParam())); };
  const auto [y, dx] = differentiate(there(x), there(dy), own);
  const auto [expected_y, expected_dx] =
      differentiate(x.to(torch::kFloat64), dy.to(torch::kFloat64), reference);
  // Half of the distance of two neighbours, and the error of the approximation.
  const auto is_close = [](const torch::Tensor& actual, const torch::Tensor& expected) {
    const auto allowed = expected.abs() / 250 + 1e-6;
    return (actual - expected).abs().le(allowed).logical_or(actual.eq(expected));
  };
  EXPECT_TRUE(is_close(y, expected_y).all().item<bool>());
  EXPECT_TRUE(is_close(dx, expected_dx).all().item<bool>());
}

TEST_P(GeluOf, OtherDtypesIsPyTorchs) {
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    const auto x = there(normal({3, 50}, 2).to(dtype));
    EXPECT_TRUE(torch::equal(gelu(x, GetParam()), torch::gelu(x, name_of(GetParam()))));
  }
}

TEST_P(GeluOf, MatricesThatAreNotContiguousIsThatOfEachNumber) {
  const auto x = there(normal({30, 50}, 3).to(torch::kBFloat16));
  const auto dy = there(normal({50, 30}, 4).to(torch::kBFloat16));
  const auto own = [&](const auto& value) { return gelu(value, GetParam()); };
  const auto of_transposed = differentiate(x.t(), dy, own);
  const auto of_copy = differentiate(x.t().contiguous(), dy, own);
  EXPECT_TRUE(torch::equal(of_transposed.first, of_copy.first));
  EXPECT_TRUE(torch::equal(of_transposed.second, of_copy.second));
}

TEST_P(GeluOf, InfinityAndNanIsPyTorchs) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto x = torch::tensor({infinity, nan}, torch::kFloat64).to(torch::kBFloat16);
  const auto y = back(gelu(there(x), GetParam())).to(torch::kFloat64);
  EXPECT_EQ(y[0].item<double>(), infinity);
  EXPECT_TRUE(std::isnan(y[1].item<double>()));
}

INSTANTIATE_TEST_SUITE_P(Form, GeluOf, testing::Values(GeluForm::exact, GeluForm::tanh),
                         [](const auto& info) {
                           return info.param == GeluForm::exact ? "Exact" : "Tanh";
                         });

}  // namespace
}  // namespace aero::ops
