// These tests run the CUDA kernels' own code on the CPU (cuda_runtime.h beside this file).

#include "src/ops/column_sums.cu"

#include "tests/support/tensors.h"

#include <torch/types.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>

namespace aero::ops {
namespace {

using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;

struct Case {
  torch::ScalarType dtype;
  NumberType type;
  std::int64_t rows;
  std::int64_t columns;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.dtype << " " << c.rows << " x " << c.columns;
}

class ColumnSums : public testing::TestWithParam<Case> {};

constexpr auto float32 = torch::kFloat32;
constexpr auto bfloat16 = torch::kBFloat16;
constexpr auto float16 = torch::kFloat16;

// Rows of whole packs and others, one strip of columns and several, more rows than all blocks take
// at a time, and fewer.
INSTANTIATE_TEST_SUITE_P(Cases, ColumnSums,
                         testing::Values(Case{bfloat16, NumberType::bfloat16, 1000, 768},
                                         Case{bfloat16, NumberType::bfloat16, 7, 3072},
                                         Case{bfloat16, NumberType::bfloat16, 300, 1001},
                                         Case{bfloat16, NumberType::bfloat16, 1, 1},
                                         Case{float16, NumberType::float16, 333, 8},
                                         Case{float16, NumberType::float16, 65, 31},
                                         Case{float32, NumberType::float32, 513, 132},
                                         Case{float32, NumberType::float32, 9, 3}));

TEST_P(ColumnSums, AreThoseOfFloat64) {
  const auto& c = GetParam();
  const auto x = (normal({c.rows, c.columns}, 1) + 0.3).to(c.dtype);
  const CudaMatrix matrix{x.const_data_ptr(), c.type, c.rows, static_cast<int>(c.columns)};
  constexpr std::int64_t guards = 1024;
  const auto sums = torch::full({c.columns + guards}, 7, float32);
  const auto partials = torch::full({column_sum_partials(matrix) + guards}, 7, float32);
  EXPECT_EQ(column_sums(matrix, sums.data_ptr<float>(), partials.data_ptr<float>(), nullptr),
            nullptr);
  const auto expected = x.to(torch::kFloat64).sum(0);
  EXPECT_LE(largest_difference(sums.narrow(0, 0, c.columns), expected),
            1e-6 * (1 + largest(expected)));
  for (const auto& room : {sums, partials}) {
    const auto rest = room.narrow(0, room.size(0) - guards, guards);
    EXPECT_TRUE(rest.eq(7).all().item<bool>());
  }
}

}  // namespace
}  // namespace aero::ops
