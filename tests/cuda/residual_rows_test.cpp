// These tests run the CUDA kernels' own code on the CPU (cuda_runtime.h beside this file).

#include "src/ops/residual_rows.cu"

#include "tests/support/tensors.h"

#include <torch/autograd.h>
#include <torch/types.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>

namespace aero::ops {
namespace {

using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;

constexpr auto float32 = torch::kFloat32;
constexpr std::int64_t guards = 1024;

struct Case {
  torch::ScalarType dtype;
  NumberType type;
  double rounding;
  std::int64_t count;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.dtype << " " << c.count;
}

/// Holds numbers to be filled, and behind them others that must stay as they are.
class Result {
 public:
  Result(std::int64_t count, torch::ScalarType dtype)
      : all_(torch::full({count + guards}, 7, dtype)) {}
  ~Result() { EXPECT_TRUE(all_.narrow(0, all_.size(0) - guards, guards).eq(7).all().item<bool>()); }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  torch::Tensor tensor() const { return all_.narrow(0, 0, all_.size(0) - guards); }
  float* floats() const { return all_.data_ptr<float>(); }
  void* address() const { return all_.data_ptr(); }

 private:
  torch::Tensor all_;
};

class ResidualKernel : public testing::TestWithParam<Case> {
 protected:
  static torch::Tensor stream(std::uint64_t seed) {
    return normal({GetParam().count}, seed).to(float32);
  }
  static torch::Tensor branch(std::uint64_t seed) {
    return normal({GetParam().count}, seed).to(GetParam().dtype);
  }
  static CudaResidual described() { return {GetParam().count, GetParam().type}; }
};

// Whole packs and others, and more numbers than all threads take at a time.
INSTANTIATE_TEST_SUITE_P(
    Cases, ResidualKernel,
    testing::Values(Case{torch::kBFloat16, NumberType::bfloat16, 1.0 / 256, 70000},
                    Case{torch::kBFloat16, NumberType::bfloat16, 1.0 / 256, 13},
                    Case{torch::kFloat16, NumberType::float16, 1.0 / 2048, 4097},
                    Case{torch::kFloat16, NumberType::float16, 1.0 / 2048, 1},
                    Case{float32, NumberType::float32, 0, 2055}));

TEST_P(ResidualKernel, AddsABranchAndCastsTheSum) {
  const auto x = stream(1), b = branch(2);
  const Result sum(x.numel(), float32), y(x.numel(), GetParam().dtype);
  EXPECT_EQ(cast_of_sum(described(), {x.data_ptr<float>(), b.data_ptr(), sum.floats(), y.address()},
                        nullptr),
            nullptr);
  EXPECT_TRUE(torch::equal(sum.tensor(), x + b));
  EXPECT_TRUE(torch::equal(y.tensor(), (x + b).to(GetParam().dtype)));
}

TEST_P(ResidualKernel, CastsWithoutABranch) {
  const auto x = stream(1);
  const Result y(x.numel(), GetParam().dtype);
  EXPECT_EQ(cast_of_sum(described(), {x.data_ptr<float>(), nullptr, nullptr, y.address()}, nullptr),
            nullptr);
  EXPECT_TRUE(torch::equal(y.tensor(), x.to(GetParam().dtype)));
}

TEST_P(ResidualKernel, AddsTheGradientsOfSumAndCast) {
  const auto dsum = stream(1), dy = branch(2);
  for (const bool has_sum : {true, false}) {
    for (const bool has_branch : {true, false}) {
      const Result x(dy.numel(), float32), b(dy.numel(), GetParam().dtype);
      EXPECT_EQ(cast_of_sum(described(),
                            {has_sum ? dsum.data_ptr<float>() : nullptr, dy.data_ptr(), x.floats(),
                             has_branch ? b.address() : nullptr},
                            nullptr),
                nullptr);
      const auto expected = has_sum ? dsum + dy : dy.to(float32);
      EXPECT_TRUE(torch::equal(x.tensor(), expected));
      if (!has_branch) continue;
      EXPECT_TRUE(torch::equal(b.tensor(), expected.to(GetParam().dtype)));
    }
  }
}

TEST_P(ResidualKernel, IsTheScaledSumWithItsGradients) {
  const auto h = stream(1), dy = stream(3), f = branch(2);
  const auto alpha = torch::full({1}, -1.7F), beta = torch::full({1}, 0.6F);
  const CudaScaledSum numbers{h.data_ptr<float>(), f.data_ptr(), alpha.data_ptr<float>(),
                              beta.data_ptr<float>()};
  const Result y(h.numel(), float32);
  EXPECT_EQ(scaled_sum(described(), numbers, y.floats(), nullptr), nullptr);
  const Result dh(h.numel(), float32), df(h.numel(), GetParam().dtype), dalpha(1, float32),
      dbeta(1, float32), partials(scaled_sum_partials(described()), float32);
  EXPECT_EQ(differentiate_scaled_sum(described(), numbers,
                                     {dy.data_ptr<float>(), dh.floats(), df.address(),
                                      dalpha.floats(), dbeta.floats(), partials.floats()},
                                     nullptr),
            nullptr);

  const auto wide = [](const torch::Tensor& x) {
    return x.detach().to(torch::kFloat64).requires_grad_();
  };
  const auto h64 = wide(h), f64 = wide(f), alpha64 = wide(alpha), beta64 = wide(beta);
  const auto expected = beta64 * h64 + f64 / alpha64;
  expected.backward(dy.to(torch::kFloat64));
  const auto expect_near = [](const Result& actual, const torch::Tensor& formula,
                              double tolerance) {
    EXPECT_LE(largest_difference(actual.tensor(), formula), tolerance * (1 + largest(formula)));
  };
  expect_near(y, expected.detach(), 1e-6);
  expect_near(dh, h64.grad(), 1e-6);
  expect_near(df, f64.grad(), 1e-6 + GetParam().rounding);
  const auto expect_sum = [](const Result& actual, const torch::Tensor& formula,
                             const torch::Tensor& terms) {
    EXPECT_LE(largest_difference(actual.tensor(), formula),
              1e-7 * terms.abs().sum().item<double>());
  };
  const auto dy64 = dy.to(torch::kFloat64);
  expect_sum(dalpha, alpha64.grad(), dy64 * f64.detach() / (1.7 * 1.7));
  expect_sum(dbeta, beta64.grad(), dy64 * h64.detach());
}

}  // namespace
}  // namespace aero::ops
