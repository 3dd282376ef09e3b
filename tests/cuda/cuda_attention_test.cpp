// The CUDA kernels' own code, on the CPU (cuda_runtime.h beside this file), against the formula in
// float64.

#include "src/ops/cuda_attention.cu"

#include "tests/ops/attention_reference.h"

#include <torch/autograd.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace aero::ops {
namespace {

using namespace reference;

CudaHeads heads(const torch::Tensor& x) {
  return {x.data_ptr(), x.stride(0), x.stride(1), x.stride(2)};
}

/// [B, H, T, d_k] to be filled, with rows behind the last that must stay as they are.
class Result {
 public:
  explicit Result(const torch::Tensor& like)
      : all_(torch::full({like.size(0), like.size(2) + guard_rows, like.size(1), like.size(3)}, 7,
                         like.options())) {}
  ~Result() {
    EXPECT_TRUE(all_.narrow(1, all_.size(1) - guard_rows, guard_rows).eq(7).all().item<bool>());
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;

  torch::Tensor tensor() const {
    return all_.narrow(1, 0, all_.size(1) - guard_rows).transpose(1, 2);
  }

 private:
  static constexpr std::int64_t guard_rows = 64;
  torch::Tensor all_;
};

/// As differentiate() of the reference, by the kernels.
Outcome by_kernels(const Inputs& in, Loss loss) {
  const auto dtype = in.queries.scalar_type();
  const auto batch = in.queries.size(0), n_head = in.queries.size(1), length = in.queries.size(2);
  const auto scale = in.temperature.defined()
                         ? (in.scale / in.temperature).to(torch::kFloat32)
                         : torch::full({n_head, length}, in.scale, torch::kFloat32);
  const CudaAttention inputs{
      dtype == torch::kBFloat16 ? HalfType::bfloat16 : HalfType::float16,
      static_cast<int>(batch),
      static_cast<int>(n_head),
      static_cast<int>(length),
      static_cast<int>(in.queries.size(3)),
      heads(in.queries),
      heads(in.keys),
      heads(in.values),
      scale.data_ptr<float>(),
  };
  const auto statistic = [&] { return torch::empty({batch, n_head, length}, torch::kFloat32); };
  const Result of_output(in.queries), of_queries(in.queries), of_keys(in.queries),
      of_values(in.queries);
  const auto output = of_output.tensor();
  const auto largest = statistic(), log_sum = statistic(), mean = statistic();
  const CudaAttentionRows rows{heads(output), largest.data_ptr<float>(), log_sum.data_ptr<float>(),
                               mean.data_ptr<float>()};
  EXPECT_EQ(cuda_attention(inputs, rows, nullptr), nullptr);

  const auto dout = loss == Loss::entropy ? torch::zeros_like(output) : output_weights(output);
  const auto dentropy =
      loss == Loss::output ? statistic().zero_() : entropy_weights(output).to(torch::kFloat32);
  const auto dq = of_queries.tensor(), dk = of_keys.tensor(), dv = of_values.tensor();
  const auto temperature_sum = statistic(), dots = statistic();
  const CudaAttentionGradients gradients{heads(dout),
                                         dentropy.data_ptr<float>(),
                                         heads(dq),
                                         heads(dk),
                                         heads(dv),
                                         temperature_sum.data_ptr<float>(),
                                         dots.data_ptr<float>()};
  EXPECT_EQ(differentiate_cuda_attention(inputs, rows, gradients, nullptr), nullptr);
  const auto dt =
      in.temperature.defined() ? -temperature_sum.sum(0) / in.temperature : torch::Tensor();
  return {output, log_sum - mean, dq, dk, loss == Loss::entropy ? torch::Tensor() : dv, dt};
}

struct Half {
  torch::ScalarType dtype;
  double rounding;  // half a unit in the last place of 1
};

class CudaAttentionOf : public testing::TestWithParam<Half> {};

INSTANTIATE_TEST_SUITE_P(Dtypes, CudaAttentionOf,
                         testing::Values(Half{torch::kBFloat16, 1.0 / 256},
                                         Half{torch::kFloat16, 1.0 / 2048}),
                         [](const auto& info) { return std::string(toString(info.param.dtype)); });

void expect_formula(const Inputs& inputs, const Half& half, Loss loss = Loss::both) {
  const auto rounded = to(inputs, half.dtype);
  const auto expected = differentiate(written_out, to(rounded, torch::kFloat64), loss);
  const auto actual = by_kernels(rounded, loss);
  expect_near(actual, expected, 4 * half.rounding);
  EXPECT_LE(largest_difference(actual.entropy, expected.entropy), 2e-5);
}

TEST_P(CudaAttentionOf, IsTheFormulaWithItsGradients) {
  for (const auto& [heads, length, d_k] :
       {std::array<std::int64_t, 3>{2, 70, 64}, {1, 129, 32}, {1, 1, 64}, {2, 64, 32}}) {
    for (const bool with_temperature : {false, true}) {
      SCOPED_TRACE(name_of({2, heads, length, d_k}) + (with_temperature ? " with t" : ""));
      expect_formula(make_inputs(2, heads, length, d_k, with_temperature), GetParam());
    }
  }
}

TEST_P(CudaAttentionOf, DifferentiatesEitherResultAlone) {
  for (const auto loss : {Loss::output, Loss::entropy}) {
    expect_formula(make_inputs(1, 1, 40, 32), GetParam(), loss);
  }
}

TEST_P(CudaAttentionOf, TakesPartsOfAWiderProduct) {
  const auto inputs = make_inputs(1, 2, 20, 32, false);
  const auto expected = by_kernels(to(inputs, GetParam().dtype), Loss::both);
  const auto together = torch::cat({inputs.queries, inputs.keys, inputs.values}, 3)
                            .transpose(1, 2)
                            .contiguous()
                            .transpose(1, 2)
                            .to(GetParam().dtype);
  const Inputs parts{together.narrow(3, 0, 32),
                     together.narrow(3, 32, 32),
                     together.narrow(3, 64, 32),
                     {},
                     inputs.scale};
  expect_near(by_kernels(parts, Loss::both), expected, 0);
}

TEST_P(CudaAttentionOf, KeepsTheEntropyOfHugeScores) {
  auto inputs = make_inputs(1, 1, 64, 64, false);
  inputs.scale = 1;
  // Keys 0 and 1 share the largest score, 1e5, of the rows from 1 on.
  inputs.queries.fill_(40);
  inputs.keys.fill_(1);
  inputs.keys.narrow(2, 0, 2).fill_(40);
  const auto actual = by_kernels(to(inputs, GetParam().dtype), Loss::both);
  EXPECT_EQ(actual.entropy[0][0][0].item<double>(), 0);
  EXPECT_LE(largest_difference(actual.entropy.narrow(2, 1, 63),
                               torch::full({1, 1, 63}, std::log(2.0), torch::kFloat64)),
            1e-6);
}

TEST_P(CudaAttentionOf, NanStaysInItsRow) {
  auto inputs = make_inputs(1, 1, 70, 32);
  inputs.queries[0][0][17][3] = std::nan("");
  const auto actual = by_kernels(to(inputs, GetParam().dtype), Loss::both);
  EXPECT_EQ(actual.entropy.isnan().sum().item<int>(), 1);
  EXPECT_EQ(actual.output.isnan().sum().item<int>(), 32);
  EXPECT_TRUE(actual.queries[0][0][17].isnan().all().item<bool>());
  EXPECT_TRUE(actual.keys[0][0][0].isnan().all().item<bool>());
}

TEST_P(CudaAttentionOf, NanOfAKeyIsUnseenByTheQueriesBeforeIt) {
  auto inputs = make_inputs(1, 1, 70, 32);
  inputs.keys[0][0][17][3] = std::nan("");
  const auto actual = by_kernels(to(inputs, GetParam().dtype), Loss::both);
  EXPECT_EQ(actual.entropy.isnan().sum().item<int>(), 70 - 17);
  EXPECT_FALSE(actual.output.narrow(2, 0, 17).isnan().any().item<bool>());
}

}  // namespace
}  // namespace aero::ops
