#include "src/ops/matrix_product.h"

#include "tests/support/tensors.h"

#include <ATen/Context.h>
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

using testing_support::largest;
using testing_support::normal;

constexpr auto single = torch::kFloat32;
constexpr auto half = torch::kBFloat16;

/// Sizes of a product, [m, k] by [k, n].
using Sizes = std::array<std::int64_t, 3>;

/// Dtypes of the factors, and whether each is given as a transposed matrix.
using Factors = std::tuple<torch::ScalarType, torch::ScalarType, bool, bool>;

torch::Tensor factor(std::int64_t rows, std::int64_t columns, torch::ScalarType dtype,
                     bool is_transposed, std::uint64_t seed) {
  if (is_transposed) return normal({columns, rows}, seed).to(dtype).t();
  return normal({rows, columns}, seed).to(dtype);
}

class MatrixProduct : public testing::TestWithParam<std::tuple<Factors, Sizes>> {
 protected:
  void SetUp() override {
    const auto [factors, sizes] = GetParam();
    const auto [left_dtype, right_dtype, left_is_transposed, right_is_transposed] = factors;
    const auto [m, k, n] = sizes;
    left_ = factor(m, k, left_dtype, left_is_transposed, 1);
    right_ = factor(k, n, right_dtype, right_is_transposed, 2);
    if (!has_matrix_product(left_, right_)) {
      GTEST_SKIP() << "LibTorch multiplies these on this processor";
    }
    expected_ = torch::mm(left_.to(torch::kFloat64), right_.to(left_dtype).to(torch::kFloat64));
    // PyTorch's largest error where the terms of a sum are about 1, with some room.
    rounding_ = 3e-6 * std::sqrt(static_cast<double>(k));
  }

  torch::Tensor left_, right_, expected_;
  double rounding_ = 0;
};

TEST_P(MatrixProduct, IsCloseToFloat64) {
  const auto difference = matrix_product(left_, right_, single) - expected_;
  EXPECT_LE(largest(difference), rounding_);
}

TEST_P(MatrixProduct, BeginsWithTheBias) {
  const auto bias = normal({right_.size(1)}, 3).to(single);
  const auto difference = matrix_product(left_, right_, single, bias) - (expected_ + bias);
  EXPECT_LE(largest(difference), rounding_);
}

TEST_P(MatrixProduct, RoundsItsResultToBfloat16Once) {
  const auto difference = (matrix_product(left_, right_, half) - expected_).abs();
  // Half of the distance of two neighbours, and sums that are not made in segments.
  const auto allowed = expected_.abs() / 256 + 4 * rounding_;
  EXPECT_TRUE(difference.le(allowed).all().item<bool>());
}

TEST_P(MatrixProduct, AddsToASum) {
  const auto before = normal({left_.size(0), right_.size(1)}, 4).to(single);
  auto sum = before.clone();
  add_matrix_product(sum, left_, right_);
  EXPECT_LE(largest(sum - (expected_ + before)), rounding_);
}

TEST_P(MatrixProduct, HasTheSameBitsForAnyNumberOfThreads) {
  const auto threads = at::get_num_threads();
  const auto expected = matrix_product(left_, right_, single);
  for (const int number : {1, 3}) {
    at::set_num_threads(number);
    EXPECT_TRUE(torch::equal(matrix_product(left_, right_, single), expected)) << number;
  }
  at::set_num_threads(threads);
}

TEST_P(MatrixProduct, WritesIntoASumsRowsAlone) {
  auto wide = torch::full({left_.size(0), right_.size(1) + 2}, 7.0F, single);
  auto sum = wide.narrow(1, 1, right_.size(1));
  add_matrix_product(sum, left_, right_);
  EXPECT_LE(largest(sum - (expected_ + 7)), rounding_ + 1e-5);
  EXPECT_TRUE(wide.narrow(1, 0, 1).eq(7).all().item<bool>());
  EXPECT_TRUE(wide.narrow(1, right_.size(1) + 1, 1).eq(7).all().item<bool>());
}

std::string name_of(const testing::TestParamInfo<std::tuple<Factors, Sizes>>& info) {
  const auto [factors, sizes] = info.param;
  const auto [left_dtype, right_dtype, left_is_transposed, right_is_transposed] = factors;
  const auto side = [](torch::ScalarType dtype, bool is_transposed) {
    return std::string(dtype == half ? "Bfloat16" : "Float32") +
           (is_transposed ? "Transposed" : "");
  };
  return side(left_dtype, left_is_transposed) + "By" + side(right_dtype, right_is_transposed) +
         "_" + std::to_string(sizes[0]) + "x" + std::to_string(sizes[1]) + "x" +
         std::to_string(sizes[2]);
}

// One word, tiles and panels that are whole and not, sums and results in several chunks.
INSTANTIATE_TEST_SUITE_P(
    Of, MatrixProduct,
    testing::Combine(
        testing::Values(Factors{single, single, false, false}, Factors{single, single, false, true},
                        Factors{half, half, false, false}, Factors{half, half, false, true},
                        Factors{half, single, false, false}, Factors{half, single, false, true}),
        testing::Values(Sizes{33, 1, 65}, Sizes{32, 7, 1}, Sizes{96, 128, 64}, Sizes{41, 34, 130},
                        Sizes{50, 6201, 70}, Sizes{32, 1400, 1600})),
    name_of);
INSTANTIATE_TEST_SUITE_P(OfTransposed, MatrixProduct,
                         testing::Combine(testing::Values(Factors{single, single, true, false},
                                                          Factors{single, single, true, true},
                                                          Factors{half, half, true, false},
                                                          Factors{half, half, true, true},
                                                          Factors{half, single, true, false}),
                                          testing::Values(Sizes{256, 1, 256}, Sizes{301, 35, 257},
                                                          Sizes{1700, 3100, 320})),
                         name_of);

TEST(MatrixProductOf, AWideMatrixIsReadWithinItsColumns) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto dtype : {single, half}) {
    auto wide = torch::full({40, 21}, nan, dtype);
    wide.narrow(1, 1, 19).copy_(normal({40, 19}, 1));
    const auto left = wide.narrow(1, 1, 19);
    auto right = torch::full({19, 80}, nan, dtype);
    right.narrow(1, 3, 66).copy_(normal({19, 66}, 2));
    const auto middle = right.narrow(1, 3, 66);
    if (!has_matrix_product(left, middle)) GTEST_SKIP() << "LibTorch multiplies these here";
    const auto expected = torch::mm(left.to(torch::kFloat64), middle.to(torch::kFloat64));
    EXPECT_LE(largest(matrix_product(left, middle, single) - expected), 1e-5);
  }
}

TEST(MatrixProductOf, ValuesThatAreNotFiniteStayInTheirRowsAndColumns) {
  auto left = normal({64, 32}, 1).to(single);
  auto right = normal({32, 128}, 2).to(single);
  left[5][3] = std::numeric_limits<float>::infinity();
  right[7][70] = std::numeric_limits<float>::quiet_NaN();
  if (!has_matrix_product(left, right)) GTEST_SKIP() << "LibTorch multiplies these here";
  for (const auto dtype : {single, half}) {
    const auto finite = matrix_product(left.to(dtype), right, single).isfinite();
    const auto expected = torch::mm(left, right).isfinite();
    EXPECT_TRUE(torch::equal(finite, expected)) << dtype;
  }
}

TEST(MatrixProductOf, OtherTensorsIsLibTorchs) {
  const auto x = normal({64, 64}, 1);
  EXPECT_FALSE(has_matrix_product(x, x));  // float64
  const auto row = x.to(single).narrow(0, 0, 1);
  EXPECT_FALSE(has_matrix_product(row, x.to(single)));
  EXPECT_FALSE(has_matrix_product(row.expand({64, 64}), x.to(single)));
  EXPECT_FALSE(has_matrix_product(x.to(single), x.to(half)));
  at::globalContext().setUserEnabledMkldnn(false);
  EXPECT_FALSE(has_matrix_product(x.to(single), x.to(single)));
  at::globalContext().setUserEnabledMkldnn(true);
}

TEST(MatrixProductOf, OtherTensorsIsRoundedToTheLeftOnesDtype) {
  const auto left = normal({3, 64}, 1).to(half);
  const auto right = normal({64, 5}, 2).to(single);
  EXPECT_TRUE(
      torch::equal(product(left, right, single), torch::mm(left, right.to(half)).to(single)));
}

}  // namespace
}  // namespace aero::ops
