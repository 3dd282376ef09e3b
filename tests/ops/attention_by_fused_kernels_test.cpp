#include "src/ops/attention_paths.h"
#include "tests/ops/attention_reference.h"
#include "tests/support/autocast.h"
#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <torch/autograd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace aero::ops {
namespace {

using namespace reference;
using testing_support::Autocast;
using testing_support::back;
using testing_support::tests_the_cpu;
using testing_support::there;

std::optional<EntropyAttention> by_fused_kernels(const Inputs& in, bool with_entropy = true) {
  return attention_by_fused_kernels(there(in.queries), there(in.keys), there(in.values), in.scale,
                                    there(in.temperature), with_entropy);
}

/// A kernel must take them.
EntropyAttention fused(const Inputs& in) {
  const auto [output, entropy] = by_fused_kernels(in).value();
  return {back(output), back(entropy)};
}

const std::vector<std::array<std::int64_t, 4>> shapes{
    {2, 3, 7, 8},    {1, 1, 1, 8},     {2, 2, 1, 80},   {2, 2, 129, 80},
    {1, 2, 33, 16},  {1, 1, 64, 64},   {3, 1, 200, 64}, {1, 2, 300, 32},
    {2, 3, 128, 64}, {1, 2, 100, 128}, {1, 2, 40, 192}};

template <class Check>
void for_each_shape(Check check) {
  for (const auto& shape : shapes) {
    for (const bool with_temperature : {false, true}) {
      SCOPED_TRACE(name_of(shape) + (with_temperature ? " with t" : ""));
      check(make_inputs(shape[0], shape[1], shape[2], shape[3], with_temperature));
    }
  }
}

TEST(AttentionByFusedKernels, IsTheFormulaWithItsGradientsInFloat64) {
  if (!tests_the_cpu()) GTEST_SKIP() << "no other device has a kernel for float64";
  for_each_shape([](const Inputs& inputs) {
    expect_near(differentiate(fused, inputs), differentiate(written_out, inputs), 1e-10);
  });
}

TEST(AttentionByFusedKernels, HasTheGradientsOfCentralDifferences) {
  if (!tests_the_cpu()) GTEST_SKIP() << "no other device has a kernel for float64";
  expect_central_differences(fused, make_inputs(2, 2, 4, 3));
}

TEST(AttentionByFusedKernels, IsTheFormulaInFloat32) {
  for_each_shape([](const Inputs& inputs) {
    const auto actual = differentiate(fused, to(inputs, torch::kFloat32));
    EXPECT_EQ(actual.output.scalar_type(), torch::kFloat32);
    expect_near(actual, differentiate(written_out, inputs), 2e-5);
  });
}

// Its one weight is 1 whatever its score is.
TEST(AttentionByFusedKernels, GivesTheFirstRowsQueryAndTemperatureNoGradient) {
  for_each_shape([](const Inputs& inputs) {
    const auto actual = differentiate(fused, to(inputs, torch::kFloat32));
    EXPECT_TRUE(actual.queries.select(2, 0).eq(0).all().item<bool>());
    if (!actual.temperature.defined()) return;
    EXPECT_TRUE(actual.temperature.select(1, 0).eq(0).all().item<bool>());
  });
}

struct Half {
  torch::ScalarType dtype;
  double rounding;  // half a unit in the last place of 1
};

class AttentionByFusedKernelsIn : public testing::TestWithParam<Half> {};

INSTANTIATE_TEST_SUITE_P(Dtypes, AttentionByFusedKernelsIn,
                         testing::Values(Half{torch::kBFloat16, 1.0 / 256},
                                         Half{torch::kFloat16, 1.0 / 2048}),
                         [](const auto& info) { return std::string(toString(info.param.dtype)); });

TEST_P(AttentionByFusedKernelsIn, IsTheFormulaUpToTheRoundingOfResults) {
  for_each_shape([](const Inputs& inputs) {
    const auto rounded = to(inputs, GetParam().dtype);
    const auto exact = to(rounded, torch::kFloat64);
    const auto actual = differentiate(fused, rounded);
    const auto expected = differentiate(written_out, exact);
    EXPECT_EQ(actual.output.scalar_type(), GetParam().dtype);
    EXPECT_EQ(actual.queries.scalar_type(), GetParam().dtype);
    EXPECT_EQ(actual.entropy.scalar_type(), torch::kFloat32);
    expect_near(actual, expected, 5 * GetParam().rounding);
    // Of the sum over d_k of q M, each M rounded.
    const double mean_scores =
        largest(inputs.temperature.defined() ? torch::zeros({1}) : causal_scores(exact).tril());
    EXPECT_LE(largest_difference(actual.entropy, expected.entropy),
              std::max(2e-5, GetParam().rounding * mean_scores));
  });
}

TEST_P(AttentionByFusedKernelsIn, IsOfFloat32WithATemperature) {
  const auto rounded = to(make_inputs(2, 3, 128, 64), GetParam().dtype);
  auto inputs = to(rounded, torch::kFloat64);
  const auto actual = differentiate(fused, rounded, Loss::entropy);
  const auto expected = differentiate(written_out, inputs, Loss::entropy);
  EXPECT_LE(largest_difference(actual.entropy, expected.entropy), 2e-5);
  EXPECT_LE(testing_support::relative_difference(actual.temperature, expected.temperature), 2e-5);
}

TEST(AttentionByFusedKernels, DifferentiatesEitherResultAlone) {
  const auto inputs = make_inputs(2, 2, 40, 8);
  for (const auto loss : {Loss::output, Loss::entropy}) {
    auto expected = differentiate(written_out, inputs, loss);
    expect_near(differentiate(fused, to(inputs, torch::kFloat32), loss), expected, 2e-5);
  }
}

TEST(AttentionByFusedKernels, HasNoEntropyWhereNoneIsAskedFor) {
  const auto inputs = make_inputs(2, 2, 40, 8);
  const auto without = [](const Inputs& in) {
    const auto result = by_fused_kernels(in, false).value();
    EXPECT_FALSE(result.entropy.defined());
    return EntropyAttention{back(result.output), torch::zeros({1})};
  };
  auto actual = differentiate(without, to(inputs, torch::kFloat32), Loss::output);
  const auto expected = differentiate(written_out, inputs, Loss::output);
  actual.entropy = expected.entropy;
  expect_near(actual, expected, 2e-5);
}

TEST(AttentionByFusedKernels, UniformRowsHaveTheLogarithmOfTheirLength) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    auto inputs = make_inputs(2, 2, 100, 8, false);
    inputs.queries = torch::zeros_like(inputs.queries);
    const auto expected = torch::arange(1, 101, torch::kFloat64).log();
    const auto actual = fused(to(inputs, dtype)).entropy;
    // The CPU's kernel has a rough exponential for bfloat16.
    EXPECT_LE(largest_difference(actual, expected.expand({2, 2, 100})),
              dtype == torch::kBFloat16 ? 1e-4 : 1e-6);
  }
}

TEST(AttentionByFusedKernels, TakesAnyStrides) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    const auto inputs = to(make_inputs(2, 3, 37, 8, false), dtype);
    const auto expected = differentiate(written_out, to(inputs, torch::kFloat64));
    const double tolerance = dtype == torch::kFloat32 ? 2e-5 : 2e-2;
    const auto check = [&](auto change) {
      // Changed on the device: a copy to it would be dense again.
      const auto changed = [&](const Inputs& in) {
        auto moved = in;
        for (auto* x : {&moved.queries, &moved.keys, &moved.values}) *x = change(there(*x));
        const auto [output, entropy] = by_fused_kernels(moved).value();
        return EntropyAttention{back(output), back(entropy)};
      };
      expect_near(differentiate(changed, inputs), expected, tolerance);
    };
    check([](const torch::Tensor& x) { return x.contiguous(); });
    check([](const torch::Tensor& x) { return x.transpose(2, 3).contiguous().transpose(2, 3); });
    // Parts of a wider product, its rows on 16 bytes and off them.
    for (const std::int64_t offset : {8, 3}) {
      check([&](const torch::Tensor& x) {
        const auto wide = torch::cat({x, x, x}, 3).slice(3, 0, 19 + (offset == 8 ? 5 : 0));
        auto rows = wide.contiguous();
        rows.narrow(3, offset, 8).copy_(x);
        return rows.narrow(3, offset, 8);
      });
    }
  }
}

TEST(AttentionByFusedKernels, TakesAnExpandedGradient) {
  const auto inputs = make_inputs(2, 2, 20, 8);
  const auto sums = [](auto function, const Inputs& in) {
    const auto leaf = leaves(in);
    const auto [output, entropy] = function(leaf);
    (output.sum() + entropy.sum()).backward();
    return leaf;
  };
  const auto actual = sums(fused, to(inputs, torch::kFloat32));
  const auto expected = sums(written_out, inputs);
  EXPECT_LE(largest_difference(actual.queries.grad(), expected.queries.grad()), 2e-5);
  EXPECT_LE(largest_difference(actual.values.grad(), expected.values.grad()), 2e-5);
}

TEST(AttentionByFusedKernels, NanStaysInItsRow) {
  auto inputs = make_inputs(1, 2, 40, 8);
  inputs.queries[0][1][17][3] = std::nan("");
  const auto outcome = differentiate(fused, to(inputs, torch::kFloat32));
  EXPECT_TRUE(std::isnan(outcome.entropy[0][1][17].item<double>()));
  EXPECT_TRUE(outcome.output[0][1][17].isnan().all().item<bool>());
  EXPECT_EQ(outcome.entropy.isnan().sum().item<int>(), 1);
  EXPECT_EQ(outcome.output.isnan().sum().item<int>(), 8);
  EXPECT_TRUE(outcome.queries[0][1][17].isnan().all().item<bool>());
  EXPECT_TRUE(outcome.keys[0][1][0].isnan().all().item<bool>());
  EXPECT_FALSE(outcome.keys[0][0].isnan().any().item<bool>());
}

TEST(AttentionByFusedKernels, ComputesInTheDtypeThatItIsGivenUnderAutocast) {
  const auto inputs = to(make_inputs(2, 2, 30, 8), torch::kFloat32);
  const auto expected = differentiate(written_out, to(inputs, torch::kFloat64));
  const Autocast autocast(torch::kBFloat16);
  expect_near(differentiate(fused, inputs), expected, 2e-5);
}

TEST(AttentionByFusedKernels, LeavesToOthersWhatNoKernelTakes) {
  EXPECT_FALSE(by_fused_kernels(make_inputs(0, 2, 5, 4)).has_value());
  if (tests_the_cpu()) return;
  EXPECT_FALSE(by_fused_kernels(make_inputs(1, 2, 5, 4)).has_value());  // float64
  EXPECT_FALSE(by_fused_kernels(to(make_inputs(1, 2, 5, 6), torch::kBFloat16)).has_value());
}

TEST(AttentionByFusedKernels, RefusesASecondDerivative) {
  const auto in = leaves(to(make_inputs(1, 1, 3, 8), torch::kFloat32));
  const auto output = fused(in).output;
  EXPECT_THAT([&] { torch::autograd::grad({output.sum()}, {in.queries}, {}, true, true); },
              testing::ThrowsMessage<c10::Error>(testing::HasSubstr("differentiable once")));
}

TEST(AttentionByFusedKernels, TakesInputsWithoutAGradient) {
  auto in = to(make_inputs(1, 2, 9, 8), torch::kFloat32);
  in.queries = in.queries.detach().requires_grad_();
  fused(in).output.sum().backward();
  EXPECT_TRUE(in.queries.grad().defined());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(fused(in).output.requires_grad());
}

}  // namespace
}  // namespace aero::ops
