#include "aero/ops/entropy_attention.h"

#include "src/ops/attention_paths.h"
#include "tests/ops/attention_reference.h"
#include "tests/support/autocast.h"
#include "tests/support/device.h"
#include "tests/support/memory_watch.h"
#include "tests/support/tensors.h"
#include "tests/support/without_one_dnn.h"

#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/autograd.h>
#include <torch/utils.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace aero::ops {
namespace {

using namespace testing_support;
using namespace reference;

constexpr double exact = 1e-10;

EntropyAttention ours(const Inputs& in) {
  const auto [output, entropy] = entropy_attention(
      there(in.queries), there(in.keys), there(in.values), in.scale, there(in.temperature), true);
  return {back(output), back(entropy)};
}

/// B, H, T and d_k.
const std::vector<std::array<std::int64_t, 4>> odd_shapes{
    {2, 3, 7, 5},   {1, 1, 1, 4},    {2, 2, 1, 80},   {2, 2, 129, 80}, {1, 2, 33, 1},
    {1, 1, 64, 64}, {3, 1, 200, 16}, {1, 2, 300, 33}, {2, 2, 200, 64}, {1, 3, 130, 32}};

TEST(EntropyAttention, IsTheFormulaWithItsGradientsInFloat64) {
  for (const auto& shape : odd_shapes) {
    for (const bool with_temperature : {false, true}) {
      SCOPED_TRACE(name_of(shape) + (with_temperature ? " with t" : ""));
      const auto inputs = make_inputs(shape[0], shape[1], shape[2], shape[3], with_temperature);
      const auto actual = differentiate(ours, inputs);
      EXPECT_EQ(actual.entropy.scalar_type(), torch::kFloat64);
      expect_near(actual, differentiate(written_out, inputs), exact);
    }
  }
}

TEST(EntropyAttention, DifferentiatesEitherResultAlone) {
  const auto inputs = make_inputs(2, 2, 40, 6);
  for (const auto loss : {Loss::output, Loss::entropy}) {
    auto expected = differentiate(written_out, inputs, loss);
    expect_near(differentiate(ours, inputs, loss), expected, exact);
    expect_near(differentiate(ours, to(inputs, torch::kFloat32), loss), expected, 2e-5);
  }
}

TEST(EntropyAttention, HasTheGradientsOfCentralDifferences) {
  expect_central_differences(ours, make_inputs(2, 2, 4, 3));
}

TEST(EntropyAttention, IsTheFormulaInFloat32ByTheKernel) {
  ASSERT_TRUE(has_attention_kernel(torch::empty({1}, torch::kFloat32)));
  for (const auto& shape : odd_shapes) {
    for (const bool with_temperature : {false, true}) {
      SCOPED_TRACE(name_of(shape) + (with_temperature ? " with t" : ""));
      const auto inputs = make_inputs(shape[0], shape[1], shape[2], shape[3], with_temperature);
      const auto actual = differentiate(ours, to(inputs, torch::kFloat32));
      EXPECT_EQ(actual.output.scalar_type(), torch::kFloat32);
      expect_near(actual, differentiate(written_out, inputs), 2e-5);
    }
  }
}

TEST(EntropyAttention, IsTheFormulaInBfloat16UpToItsRounding) {
  for (const auto& shape : odd_shapes) {
    for (const bool with_temperature : {false, true}) {
      SCOPED_TRACE(name_of(shape) + (with_temperature ? " with t" : ""));
      const auto rounded = to(make_inputs(shape[0], shape[1], shape[2], shape[3], with_temperature),
                              torch::kBFloat16);
      auto inputs = to(rounded, torch::kFloat64);
      const auto actual = differentiate(ours, rounded);
      const auto expected = differentiate(written_out, inputs);
      EXPECT_EQ(actual.output.scalar_type(), torch::kBFloat16);
      EXPECT_EQ(actual.entropy.scalar_type(), torch::kFloat32);
      expect_near(actual, expected, 2e-2);
      // Scores are never rounded to bfloat16; elsewhere their mean is.
      EXPECT_LE(largest_difference(actual.entropy, expected.entropy), tolerance(2e-5, 2e-2));
    }
  }
}

TEST(EntropyAttention, IsTheFormulaWithoutOneDnn) {
  const WithoutOneDnn without;
  const auto rounded = to(make_inputs(2, 2, 129, 80), torch::kBFloat16);
  const auto expected = differentiate(written_out, to(rounded, torch::kFloat64));
  expect_near(differentiate(ours, rounded), expected, 2e-2);
  expect_near(differentiate(ours, to(rounded, torch::kFloat32)), expected, 2e-5);
}

TEST(EntropyAttention, IsTheFormulaInFloat16ByOperations) {
  const auto rounded = to(make_inputs(2, 2, 50, 8), torch::kFloat16);
  const auto actual = differentiate(ours, rounded);
  EXPECT_EQ(actual.output.scalar_type(), torch::kFloat16);
  EXPECT_EQ(actual.entropy.scalar_type(), torch::kFloat32);
  expect_near(actual, differentiate(written_out, to(rounded, torch::kFloat64)), 3e-3);
}

TEST(EntropyAttention, IsTheSameByOperationsInBlocksOfAnySizeAndByTheKernel) {
  const auto inputs = to(make_inputs(2, 3, 70, 8, false), torch::kFloat32);
  const auto row_scale = torch::full({3, 70}, inputs.scale);
  const AttentionInputs in{inputs.queries, inputs.keys, inputs.values, row_scale};
  const auto kernel = attention_by_kernel(in);
  const ResultGradients gradients{output_weights(kernel.output),
                                  entropy_weights(kernel.output).to(torch::kFloat32)};
  const auto kernel_gradients = differentiate_by_kernel(in, kernel, gradients);
  for (const std::int64_t block_rows : {1, 7, 69, 70, 1000}) {
    SCOPED_TRACE(block_rows);
    const auto block_scores = block_rows * 2 * 3 * 70;
    const auto rows = attention_by_operations(in, block_scores);
    EXPECT_LE(largest_difference(rows.output, kernel.output), 1e-5);
    EXPECT_LE(largest_difference(rows.largest, kernel.largest), 1e-5);
    EXPECT_LE(largest_difference(rows.log_sum, kernel.log_sum), 1e-5);
    EXPECT_LE(largest_difference(rows.mean, kernel.mean), 1e-5);
    const auto result = differentiate_by_operations(in, rows, gradients, block_scores);
    EXPECT_LE(relative_difference(result.queries, kernel_gradients.queries), 1e-5);
    EXPECT_LE(relative_difference(result.keys, kernel_gradients.keys), 1e-5);
    EXPECT_LE(relative_difference(result.values, kernel_gradients.values), 1e-5);
    EXPECT_LE(relative_difference(result.temperature_sum, kernel_gradients.temperature_sum), 1e-4);
  }
}

class EntropyAttentionOf : public testing::TestWithParam<torch::ScalarType> {};

INSTANTIATE_TEST_SUITE_P(Dtypes, EntropyAttentionOf,
                         testing::Values(torch::kFloat64, torch::kFloat32, torch::kBFloat16),
                         [](const auto& info) { return std::string(toString(info.param)); });

/// How near two runs of the same are, where sums have no order.
double same(torch::ScalarType dtype) {
  return tolerance(0, dtype == torch::kFloat64 ? 1e-12 : dtype == torch::kFloat32 ? 1e-5 : 2e-2);
}

/// Elsewhere than on the CPU the entropy of huge scores is a difference of huge numbers.
bool huge_scores_cancel(torch::ScalarType dtype) {
  return !tests_the_cpu() && dtype != torch::kFloat64;
}

void expect_finite_gradients(const Outcome& outcome) {
  for (const auto& x : {outcome.queries, outcome.keys, outcome.values, outcome.temperature}) {
    EXPECT_TRUE(!x.defined() || x.isfinite().all().item<bool>());
  }
}

TEST_P(EntropyAttentionOf, UniformRowsHaveTheLogarithmOfTheirLength) {
  auto inputs = make_inputs(2, 2, 100, 8);
  inputs.queries = torch::zeros_like(inputs.queries);
  const auto outcome = differentiate(ours, to(inputs, GetParam()));
  const auto expected = torch::arange(1, 101, torch::kFloat64).log();
  const double allowed = GetParam() == torch::kFloat64 ? 1e-14 : tolerance(1e-6, 5e-6);
  EXPECT_LE(largest_difference(outcome.entropy, expected.expand({2, 2, 100})), allowed);
  expect_finite_gradients(outcome);
}

TEST_P(EntropyAttentionOf, OneHotRowsHaveTheEntropyZero) {
  if (huge_scores_cancel(GetParam()))
    GTEST_SKIP() << "LibTorch's kernels lose |s| 2^-23 of the entropy";
  auto inputs = make_inputs(1, 2, 100, 100, false);
  // Row i attends to key i alone: its score is 1e6 above the others.
  const auto identity = torch::eye(100, torch::kFloat64).expand({1, 2, 100, 100});
  inputs.queries = identity * 1000;
  inputs.keys = identity * 1000;
  inputs.scale = 1;
  const auto in = to(inputs, GetParam());
  const auto outcome = differentiate(ours, in);
  EXPECT_EQ(largest(outcome.entropy), 0);
  EXPECT_TRUE(torch::equal(outcome.output, in.values));
  expect_finite_gradients(outcome);
  // da - D cancels to its rounding, times keys of 1000; the entropy's own gradient is 0 exactly.
  EXPECT_LE(largest(outcome.queries), GetParam() == torch::kFloat64 ? 1e-10 : 0.05);
  EXPECT_LE(largest(outcome.keys), GetParam() == torch::kFloat64 ? 1e-10 : 0.05);
  const auto of_entropy = differentiate(ours, in, Loss::entropy);
  EXPECT_EQ(largest(of_entropy.queries), 0);
  EXPECT_EQ(largest(of_entropy.keys), 0);
}

TEST_P(EntropyAttentionOf, TiesOfHugeScoresKeepTheirEntropy) {
  if (huge_scores_cancel(GetParam()))
    GTEST_SKIP() << "LibTorch's kernels lose |s| 2^-23 of the entropy";
  // Two keys share the largest score of 1e6: the entropy is log 2, as without the shift.
  Inputs inputs{torch::full({1, 1, 2, 2}, 1000.0, torch::kFloat64),
                torch::full({1, 1, 2, 2}, 500.0, torch::kFloat64),
                normal({1, 1, 2, 2}, 3),
                {},
                1};
  const auto outcome = differentiate(ours, to(inputs, GetParam()));
  EXPECT_NEAR(outcome.entropy[0][0][1].item<double>(), std::log(2.0), 1e-6);
  expect_finite_gradients(outcome);
}

TEST_P(EntropyAttentionOf, TinyTemperaturesOfEitherSignGiveFiniteGradients) {
  auto inputs = make_inputs(1, 2, 20, 8);
  inputs.temperature = torch::full({2, 20}, 1e-6, torch::kFloat64);
  inputs.temperature[0] *= -1;
  const auto outcome = differentiate(ours, to(inputs, GetParam()));
  expect_finite_gradients(outcome);
  if (huge_scores_cancel(GetParam())) return;
  EXPECT_LE(largest(outcome.entropy), 1e-6);
  EXPECT_GE(outcome.entropy.min().item<double>(), 0);
}

TEST_P(EntropyAttentionOf, NanStaysInItsRow) {
  auto inputs = make_inputs(1, 2, 40, 8);
  inputs.queries = inputs.queries.clone();
  inputs.queries[0][1][17][3] = std::nan("");
  const auto outcome = differentiate(ours, to(inputs, GetParam()));
  EXPECT_TRUE(std::isnan(outcome.entropy[0][1][17].item<double>()));
  EXPECT_TRUE(outcome.output[0][1][17].isnan().all().item<bool>());
  EXPECT_EQ(outcome.entropy.isnan().sum().item<int>(), 1);
  EXPECT_EQ(outcome.output.isnan().sum().item<int>(), 8);
  EXPECT_TRUE(outcome.queries[0][1][17].isnan().all().item<bool>());
  EXPECT_TRUE(outcome.keys[0][1][0].isnan().all().item<bool>());
  EXPECT_FALSE(outcome.keys[0][0].isnan().any().item<bool>());
}

TEST_P(EntropyAttentionOf, NanOfAKeyIsUnseenByTheQueriesBeforeIt) {
  auto inputs = make_inputs(1, 1, 40, 8);
  inputs.keys = inputs.keys.clone();
  inputs.keys[0][0][17][3] = std::nan("");
  const auto outcome = ours(to(inputs, GetParam()));
  EXPECT_FALSE(outcome.output.narrow(2, 0, 17).isnan().any().item<bool>());
  // Fused kernels take the entropy with keys for values, and 0 NaN is NaN.
  if (!tests_the_cpu() && GetParam() != torch::kFloat64) return;
  EXPECT_EQ(outcome.entropy.isnan().sum().item<int>(), 40 - 17);
}

TEST_P(EntropyAttentionOf, WithoutEntropyTheOutputAndItsGradientsAreTheSame) {
  const auto inputs = to(make_inputs(2, 3, 50, 16), GetParam());
  const auto without = [](const Inputs& in) {
    const auto result = entropy_attention(there(in.queries), there(in.keys), there(in.values),
                                          in.scale, there(in.temperature), false);
    EXPECT_FALSE(result.entropy.defined());
    return EntropyAttention{back(result.output), torch::zeros({1})};
  };
  auto actual = differentiate(without, inputs, Loss::output);
  const auto expected = differentiate(ours, inputs, Loss::output);
  actual.entropy = expected.entropy;
  expect_near(actual, expected, same(GetParam()));
}

TEST_P(EntropyAttentionOf, TakesAnyStrides) {
  const auto inputs = to(make_inputs(2, 3, 37, 6), GetParam());
  const auto expected = differentiate(ours, inputs);
  const auto check = [&](const Inputs& in) {
    const auto actual = ours(in);
    // Products in float64 choose their order by the strides.
    if (tests_the_cpu() && GetParam() != torch::kFloat64) {
      EXPECT_TRUE(torch::equal(actual.output, expected.output));
      EXPECT_TRUE(torch::equal(actual.entropy, expected.entropy));
    }
    expect_near(differentiate(ours, in), expected, std::max(1e-12, same(GetParam())));
  };
  const auto changed = [&](auto change) {
    auto in = inputs;
    for (auto* x : {&in.queries, &in.keys, &in.values}) *x = change(*x);
    return in;
  };
  check(changed([](const torch::Tensor& x) { return x.contiguous(); }));
  check(changed(
      [](const torch::Tensor& x) { return x.transpose(2, 3).contiguous().transpose(2, 3); }));
  // Three beside each other, as one product gives them.
  const auto fused = torch::cat({inputs.queries, inputs.keys, inputs.values}, 3);
  auto parts = inputs;
  parts.queries = fused.narrow(3, 0, 6);
  parts.keys = fused.narrow(3, 6, 6);
  parts.values = fused.narrow(3, 12, 6);
  check(parts);
}

TEST_P(EntropyAttentionOf, TakesAnExpandedGradient) {
  const auto inputs = to(make_inputs(2, 2, 20, 6), GetParam());
  const auto summed = leaves(inputs);
  ours(summed).output.sum().backward();
  const auto expected = leaves(inputs);
  const auto output = ours(expected).output;
  output.backward(torch::ones_like(output));
  EXPECT_LE(largest_difference(summed.queries.grad(), expected.queries.grad()), same(GetParam()));
  EXPECT_LE(largest_difference(summed.values.grad(), expected.values.grad()), same(GetParam()));
}

TEST_P(EntropyAttentionOf, LaysOutItsResultsForHeadsToMerge) {
  const auto inputs = to(make_inputs(2, 3, 20, 6), GetParam());
  const auto outcome = differentiate(ours, inputs);
  for (const auto& x : {outcome.output, outcome.queries, outcome.keys, outcome.values}) {
    EXPECT_TRUE(x.transpose(1, 2).is_contiguous());
  }
}

TEST_P(EntropyAttentionOf, IsTheSameEachTime) {
  if (!tests_the_cpu()) GTEST_SKIP() << "sums have no order there";
  const auto inputs = to(make_inputs(3, 4, 130, 16), GetParam());
  const auto first = differentiate(ours, inputs);
  const auto second = differentiate(ours, inputs);
  EXPECT_TRUE(torch::equal(first.output, second.output));
  EXPECT_TRUE(torch::equal(first.queries, second.queries));
  EXPECT_TRUE(torch::equal(first.keys, second.keys));
  EXPECT_TRUE(torch::equal(first.values, second.values));
  EXPECT_TRUE(torch::equal(first.temperature, second.temperature));
}

TEST_P(EntropyAttentionOf, ComputesInTheDtypeThatItIsGivenUnderAutocast) {
  const auto inputs = to(make_inputs(2, 2, 30, 6), GetParam());
  const auto expected = differentiate(ours, inputs);
  const Autocast autocast(torch::kBFloat16);
  const auto actual = differentiate(ours, inputs);
  expect_near(actual, expected, same(GetParam()));
}

TEST_P(EntropyAttentionOf, TakesNoSequences) {
  const auto inputs = to(make_inputs(0, 2, 5, 4), GetParam());
  const auto outcome = differentiate(ours, inputs);
  EXPECT_EQ(outcome.output.sizes(), torch::IntArrayRef({0, 2, 5, 4}));
  EXPECT_EQ(largest(outcome.temperature), 0);
}

TEST_P(EntropyAttentionOf, KeepsNoScoresFromForwardToBackward) {
  if (!tests_the_cpu()) GTEST_SKIP() << "other paths keep other numbers";
  constexpr std::int64_t length = 1024;
  const auto inputs = leaves(to(make_inputs(1, 2, length, 8), GetParam()));
  const auto memory = std::make_shared<Memory>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, memory);
  const auto result = ours(inputs);
  const auto element = static_cast<std::int64_t>(result.output.element_size());
  const auto wide = static_cast<std::int64_t>(result.entropy.element_size());
  const auto rows = 2 * length;
  // The output, the entropy, and three numbers a row.
  EXPECT_GE(memory->held(), rows * 8 * element);
  EXPECT_LE(memory->held(), rows * (8 * element + 4 * wide) + 4096);
}

TEST(EntropyAttention, WorksInMemoryLinearInTheLengthByTheKernel) {
  if (!tests_the_cpu()) GTEST_SKIP() << "the kernel is the CPU's";
  const auto threads = torch::get_num_threads();
  torch::set_num_threads(1);
  constexpr std::int64_t length = 2048;
  const auto inputs = leaves(to(make_inputs(1, 2, length, 8), torch::kFloat32));
  const auto memory = std::make_shared<Memory>();
  {
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, memory);
    const auto result = ours(inputs);
    (result.output.sum() + result.entropy.sum()).backward();
  }
  torch::set_num_threads(threads);
  EXPECT_GT(memory->most(), 0);
  EXPECT_LT(memory->most(), length * length * 4 / 4);
}

TEST(EntropyAttention, RefusesWhatDoesNotFitTogether) {
  const auto in = make_inputs(2, 3, 5, 4);
  EXPECT_THROW(entropy_attention(in.queries[0], in.keys, in.values, 1, {}, true), c10::Error);
  EXPECT_THROW(entropy_attention(in.queries, in.keys.narrow(2, 0, 4), in.values, 1, {}, true),
               c10::Error);
  EXPECT_THROW(entropy_attention(in.queries, in.keys.to(torch::kFloat32), in.values, 1, {}, true),
               c10::Error);
  EXPECT_THROW(entropy_attention(in.queries, in.keys, in.values, 1, in.temperature.t(), true),
               c10::Error);
}

TEST(EntropyAttention, RefusesASecondDerivative) {
  const auto in = leaves(make_inputs(1, 1, 3, 2));
  const auto output = ours(in).output;
  EXPECT_THROW(torch::autograd::grad({output.sum()}, {in.queries}, {}, true, true), c10::Error);
}

TEST(EntropyAttention, TakesInputsWithoutAGradient) {
  auto in = make_inputs(1, 2, 9, 4);
  in.queries = in.queries.detach().requires_grad_();
  const auto output = ours(in).output;
  output.sum().backward();
  EXPECT_TRUE(in.queries.grad().defined());
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(ours(in).output.requires_grad());
}

}  // namespace
}  // namespace aero::ops
