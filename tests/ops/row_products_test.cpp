#include "src/ops/row_products.h"

#include "aero/ops/linear.h"

#include "tests/support/autocast.h"
#include "tests/support/tensors.h"

#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

namespace aero::ops {
namespace {

using testing_support::Autocast;
using testing_support::largest;
using testing_support::normal;
using testing_support::relative_difference;

constexpr auto single = torch::kFloat32;
constexpr auto half = torch::kBFloat16;

/// Sizes of a product: rows, factors, outputs.
using Sizes = std::array<std::int64_t, 3>;

class RowProduct : public testing::TestWithParam<std::tuple<torch::ScalarType, Sizes>> {
 protected:
  void SetUp() override {
    const auto [dtype, sizes] = GetParam();
    const auto [rows, factors, outputs] = sizes;
    x_ = normal({rows, factors}, 1).to(dtype);
    weight_ = normal({outputs, factors}, 2).to(dtype);
    bias_ = normal({outputs}, 3).to(single);
    if (!has_row_product(x_, weight_)) GTEST_SKIP() << "LibTorch multiplies these here";
    expected_ = torch::linear(x_.to(torch::kFloat64), weight_.to(torch::kFloat64));
    // PyTorch's largest error where the terms of a sum are about 1, with some room.
    const double of_sums = 3e-6 * std::sqrt(static_cast<double>(factors));
    // Half of the distance of two neighbours.
    allowed_ = of_sums + (dtype == half ? 1.0 / 256 : 0) * (expected_.abs() + bias_.abs());
  }

  void expect(const torch::Tensor& y, const torch::Tensor& expected) const {
    EXPECT_EQ(y.scalar_type(), x_.scalar_type());
    EXPECT_TRUE((y.to(torch::kFloat64) - expected).abs().le(allowed_).all().item<bool>());
  }

  torch::Tensor x_, weight_, bias_, expected_, allowed_;
};

TEST_P(RowProduct, IsCloseToFloat64) {
  expect(row_product(x_, weight_, {}), expected_);
  expect(row_product(x_, weight_, bias_), expected_ + bias_);
}

TEST_P(RowProduct, HasTheSameBitsForAnyNumberOfThreadsAndRowsBesideIt) {
  const auto threads = at::get_num_threads();
  const auto expected = row_product(x_, weight_, bias_);
  for (const int number : {1, 3}) {
    at::set_num_threads(number);
    EXPECT_TRUE(torch::equal(row_product(x_, weight_, bias_), expected)) << number;
  }
  at::set_num_threads(threads);
  for (std::int64_t row = 0; row < x_.size(0); ++row) {
    EXPECT_TRUE(torch::equal(row_product(x_.narrow(0, row, 1), weight_, bias_),
                             expected.narrow(0, row, 1)));
  }
}

TEST_P(RowProduct, ReadsWideMatricesWithinTheirColumns) {
  const auto within = [](const torch::Tensor& x) {
    auto wide = torch::full({x.size(0), x.size(1) + 3}, std::numeric_limits<double>::quiet_NaN(),
                            x.options());
    wide.narrow(1, 1, x.size(1)).copy_(x);
    return wide.narrow(1, 1, x.size(1));
  };
  expect(row_product(within(x_), within(weight_), {}), expected_);
}

std::string name_of(const testing::TestParamInfo<std::tuple<torch::ScalarType, Sizes>>& info) {
  const auto [dtype, sizes] = info.param;
  return std::string(dtype == half ? "Bfloat16" : "Float32") + "_" + std::to_string(sizes[0]) +
         "x" + std::to_string(sizes[1]) + "x" + std::to_string(sizes[2]);
}

// One factor, whole vectors and not, each number of rows beside tiles of four, several threads.
INSTANTIATE_TEST_SUITE_P(
    Of, RowProduct,
    testing::Combine(testing::Values(single, half),
                     testing::Values(Sizes{1, 1, 1}, Sizes{1, 768, 2304}, Sizes{2, 16, 5},
                                     Sizes{3, 33, 7}, Sizes{4, 31, 66}, Sizes{5, 32, 3},
                                     Sizes{8, 3072, 99}, Sizes{31, 47, 130}, Sizes{1, 100, 5001})),
    name_of);

TEST(RowProducts, AreOfFewRowsOfOneDtypeOnNeighbouringNumbers) {
  const auto weight = normal({40, 24}, 1).to(single);
  EXPECT_FALSE(has_row_product(normal({32, 24}, 2).to(single), weight));
  EXPECT_FALSE(has_row_product(normal({3, 24}, 2).to(half), weight));
  EXPECT_FALSE(has_row_product(normal({3, 24}, 2), weight.to(torch::kFloat64)));
  EXPECT_FALSE(has_row_product(normal({24, 3}, 2).to(single).t(), weight));
  EXPECT_FALSE(has_row_product(normal({3, 24}, 2).to(single), normal({24, 40}, 1).to(single).t()));
}

TEST(RowProducts, ComputeALinearLayerWhereNoGradientIsWanted) {
  const auto x = normal({2, 3, 24}, 1).to(single);
  const auto weight = normal({40, 24}, 2).to(single).requires_grad_();
  const auto bias = normal({40}, 3).to(single).requires_grad_();
  const auto expected =
      torch::linear(x.to(torch::kFloat64), weight.to(torch::kFloat64), bias.to(torch::kFloat64));
  {
    const torch::NoGradGuard no_grad;
    const auto y = linear(x, weight, bias);
    EXPECT_EQ(y.sizes(), expected.sizes());
    EXPECT_LE(relative_difference(y, expected), 1e-6);
    const Autocast autocast(half);
    const auto rounded = linear(x, weight, bias);
    EXPECT_EQ(rounded.scalar_type(), half);
    EXPECT_LE(relative_difference(rounded, expected), 1e-2);
  }
  EXPECT_TRUE(linear(x, weight, bias).requires_grad());
}

}  // namespace
}  // namespace aero::ops
