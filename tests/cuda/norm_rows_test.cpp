// These tests run the CUDA kernels' own code on the CPU (cuda_runtime.h beside this file) and
// compare it with the formulas in float64.

#include "src/ops/norm_rows.cu"

#include "tests/support/tensors.h"

#include <torch/autograd.h>
#include <torch/types.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <vector>

namespace aero::ops {
namespace {

using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;

constexpr double eps = 1e-5;

struct Case {
  const char* name;
  torch::ScalarType dtype;
  NumberType type;
  double rounding;
  std::int64_t width;
  std::int64_t rows;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name << " " << c.rows << " x " << c.width;
}

/// A norm takes these, and its backward pass takes dy and dsum. `bias`, `branch` and `dsum` may be
/// undefined.
struct Inputs {
  torch::Tensor x, weight, bias;
  torch::Tensor dy;
  bool is_centred;
  torch::Tensor branch = {};
  torch::Tensor dsum = {};
};

struct Outcome {
  torch::Tensor y, x, weight;  // the last two are gradients, as these:
  torch::Tensor bias = {};
  torch::Tensor branch = {};
  torch::Tensor sum = {};
};

/// Holds numbers to be filled, and behind them others that must stay as they are.
class Result {
 public:
  Result(at::IntArrayRef sizes, torch::ScalarType dtype)
      : sizes_(sizes.vec()),
        all_(torch::full({c10::multiply_integers(sizes) + guards}, 7, dtype)) {}
  ~Result() { EXPECT_TRUE(all_.narrow(0, all_.size(0) - guards, guards).eq(7).all().item<bool>()); }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  torch::Tensor tensor() const { return all_.narrow(0, 0, all_.size(0) - guards).view(sizes_); }
  template <class T = float>
  T* numbers() const {
    return static_cast<T*>(all_.data_ptr());
  }

 private:
  static constexpr std::int64_t guards = 4096;
  std::vector<std::int64_t> sizes_;
  torch::Tensor all_;
};

Outcome by_kernels(const Inputs& in, NumberType type) {
  const auto rows = in.x.size(0), width = in.x.size(1);
  const bool with_bias = in.bias.defined(), with_branch = in.branch.defined();
  CudaNorm norm{in.is_centred,
                type,
                in.x.data_ptr<float>(),
                in.weight.data_ptr<float>(),
                with_bias ? in.bias.data_ptr<float>() : nullptr,
                static_cast<float>(eps),
                rows,
                static_cast<int>(width)};
  const Result y({rows, width}, in.dy.scalar_type());
  const Result mean({rows}, torch::kFloat32), scale({rows}, torch::kFloat32);
  const CudaNormStatistics statistics{in.is_centred ? mean.numbers() : nullptr, scale.numbers()};
  const Result sum({rows, width}, torch::kFloat32);
  const CudaNormSum addition{with_branch ? in.branch.data_ptr() : nullptr,
                             with_branch ? sum.numbers() : nullptr};
  EXPECT_EQ(norm_rows(norm, addition, y.numbers<void>(), statistics, nullptr), nullptr);
  if (with_branch) norm.x = sum.numbers();

  const Result dx({rows, width}, torch::kFloat32), dweight({width}, torch::kFloat32),
      dbias({width}, torch::kFloat32), dbranch({rows, width}, in.dy.scalar_type()),
      partials({norm_partials(norm)}, torch::kFloat32);
  const CudaNormGradients gradients{in.dy.data_ptr(),
                                    in.dsum.defined() ? in.dsum.data_ptr<float>() : nullptr,
                                    with_branch ? dbranch.numbers<void>() : nullptr,
                                    dx.numbers(),
                                    dweight.numbers(),
                                    with_bias ? dbias.numbers() : nullptr,
                                    partials.numbers()};
  EXPECT_EQ(differentiate_norm_rows(norm, statistics, gradients, nullptr), nullptr);
  Outcome out{y.tensor(), dx.tensor(), dweight.tensor()};
  if (with_bias) out.bias = dbias.tensor();
  if (with_branch) {
    out.sum = sum.tensor();
    out.branch = dbranch.tensor();
  }
  return out;
}

Outcome written_out(const Inputs& in) {
  const auto wide = [](const torch::Tensor& x) {
    return x.defined() ? x.detach().to(torch::kFloat64).requires_grad_() : x;
  };
  const auto x = wide(in.x), weight = wide(in.weight), bias = wide(in.bias);
  const auto centred = in.is_centred ? x - x.mean(-1, true) : x;
  auto y = centred / (centred.square().mean(-1, true) + eps).sqrt() * weight;
  if (bias.defined()) y = y + bias;
  y.backward(in.dy.to(torch::kFloat64));
  return {y.detach(), x.grad(), weight.grad(), bias.defined() ? bias.grad() : bias};
}

class NormKernel : public testing::TestWithParam<Case> {
 protected:
  /// Makes rows of different means and spreads, in float32.
  static Inputs make(bool is_centred, bool with_bias, std::int64_t rows = GetParam().rows) {
    const auto dtype = GetParam().dtype;
    const auto width = GetParam().width;
    const auto x =
        normal({rows, width}, 1) * (1 + normal({rows, 1}, 2).abs()) + normal({rows, 1}, 3) + 0.01;
    return {x.to(torch::kFloat32), (1 + 0.3 * normal({width}, 4)).to(torch::kFloat32),
            with_bias ? normal({width}, 5).to(torch::kFloat32) : torch::Tensor(),
            normal({rows, width}, 6).to(dtype), is_centred};
  }

  /// Makes a LayerNorm with a bias, one without, and an RMSNorm.
  static std::vector<Inputs> forms(std::int64_t rows = GetParam().rows) {
    return {make(true, true, rows), make(true, false, rows), make(false, false, rows)};
  }
};

constexpr auto float32 = torch::kFloat32;
constexpr auto bfloat16 = torch::kBFloat16;
constexpr auto float16 = torch::kFloat16;

Case of(torch::ScalarType dtype, std::int64_t width, std::int64_t rows) {
  if (dtype == float32) return {"float", dtype, NumberType::float32, 0, width, rows};
  if (dtype == bfloat16) return {"bfloat16", dtype, NumberType::bfloat16, 1.0 / 256, width, rows};
  return {"half", dtype, NumberType::float16, 1.0 / 2048, width, rows};
}

// Each layout of rows on blocks has a width here, and more rows than all blocks take at a time.
INSTANTIATE_TEST_SUITE_P(Cases, NormKernel,
                         testing::Values(of(bfloat16, 768, 513), of(bfloat16, 768, 1),
                                         of(float16, 768, 7), of(float32, 768, 7),
                                         of(bfloat16, 128, 513), of(float16, 128, 7),
                                         of(bfloat16, 1000, 33), of(float16, 1000, 7),
                                         of(bfloat16, 1, 7), of(float32, 1, 1),
                                         of(float16, 1001, 9), of(float32, 1500, 17),
                                         of(bfloat16, 4096, 17), of(float16, 4096, 1)));

// The norm itself is the same code with a branch as without.
TEST_P(NormKernel, AddsABranchAndTheGradientOfTheSum) {
  const auto& c = GetParam();
  for (auto in : forms()) {
    SCOPED_TRACE(in.is_centred ? "LayerNorm" : "RMSNorm");
    in.branch = normal({c.rows, c.width}, 7).to(c.dtype);
    in.dsum = normal({c.rows, c.width}, 8).to(float32);
    const auto actual = by_kernels(in, c.type);
    auto of_sum = in;
    of_sum.x = in.x + in.branch;
    of_sum.branch.reset();
    of_sum.dsum.reset();
    const auto expected = by_kernels(of_sum, c.type);
    EXPECT_TRUE(torch::equal(actual.sum, of_sum.x));
    EXPECT_TRUE(torch::equal(actual.y, expected.y));
    EXPECT_TRUE(torch::equal(actual.x, expected.x + in.dsum));
    EXPECT_TRUE(torch::equal(actual.branch, actual.x.to(c.dtype)));
    EXPECT_TRUE(torch::equal(actual.weight, expected.weight));
    EXPECT_TRUE(!in.bias.defined() || torch::equal(actual.bias, expected.bias));
  }
}

TEST_P(NormKernel, IsTheFormulaWithItsGradients) {
  for (const auto& in : forms()) {
    SCOPED_TRACE(in.is_centred ? "LayerNorm" : "RMSNorm");
    const auto actual = by_kernels(in, GetParam().type);
    const auto expected = written_out(in);
    const auto error = (actual.y.to(torch::kFloat64) - expected.y).abs();
    const auto allowed = GetParam().rounding * expected.y.abs() + 1e-5;
    EXPECT_TRUE((error <= allowed).all().item<bool>()) << largest(error);
    const auto expect_near = [](const torch::Tensor& gradient, const torch::Tensor& formula) {
      EXPECT_LE(largest_difference(gradient, formula), 1e-5 * (1 + largest(formula)));
    };
    expect_near(actual.x, expected.x);
    expect_near(actual.weight, expected.weight);
    ASSERT_EQ(actual.bias.defined(), in.bias.defined());
    if (actual.bias.defined()) expect_near(actual.bias, expected.bias);
  }
}

// The difference of two large means of squares would leave no digit of the variance.
TEST_P(NormKernel, KeepsTheDigitsOfRowsFarFromZero) {
  auto in = make(true, true, 9);
  in.x += 1e4;
  const auto step = 1e-3;  // float32's at 1e4; the deviation of each row is 1 or more
  EXPECT_LE(largest_difference(by_kernels(in, GetParam().type).y, written_out(in).y),
            2 * step + GetParam().rounding * largest(written_out(in).y));
}

TEST_P(NormKernel, IsNanInTheRowOfANanOrAnInfinityAlone) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto others = torch::tensor({0, 1, 2, 4, 6, 7, 8});
  for (const auto& good : forms(9)) {
    auto in = good;
    in.x = in.x.clone();
    in.x[3][GetParam().width - 1] = std::nan("");
    in.x[5][0] = infinity;
    const auto expected = by_kernels(good, GetParam().type);
    const auto actual = by_kernels(in, GetParam().type);
    EXPECT_TRUE(torch::equal(actual.y.index_select(0, others), expected.y.index_select(0, others)));
    EXPECT_TRUE(torch::equal(actual.x.index_select(0, others), expected.x.index_select(0, others)));
    EXPECT_TRUE(actual.y[3].isnan().all().item<bool>());
    EXPECT_TRUE(actual.x[3].isnan().all().item<bool>());
    EXPECT_TRUE(actual.y[5].isnan().any().item<bool>());
    EXPECT_TRUE(actual.x[5].isnan().any().item<bool>());
    EXPECT_TRUE(actual.weight.isnan().all().item<bool>());
    EXPECT_TRUE(!in.bias.defined() || torch::equal(actual.bias, expected.bias));
  }
}

}  // namespace
}  // namespace aero::ops
