#include "attention_paths.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace aero::ops {
namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();

/// Returns the rows [start, end) of each head.
torch::Tensor part(const torch::Tensor& x, std::int64_t start, std::int64_t end) {
  return x.narrow(2, start, end - start);
}

/// Works through blocks of query rows: multiplies the rows [start, end) by the keys [0, end).
struct Blocks {
  const AttentionInputs& inputs;
  torch::ScalarType wide = inputs.row_scale.scalar_type();
  torch::Tensor keys = inputs.keys.to(wide);
  torch::Tensor values = inputs.values.to(wide);

  std::int64_t length() const { return inputs.queries.size(2); }

  std::int64_t rows(std::int64_t block_scores) const {
    const auto row = inputs.queries.size(0) * inputs.queries.size(1) * length();
    return std::max<std::int64_t>(1, block_scores / std::max<std::int64_t>(1, row));
  }

  torch::Tensor scale(std::int64_t start, std::int64_t end) const {
    return inputs.row_scale.narrow(1, start, end - start).unsqueeze(-1);
  }

  torch::Tensor scores(std::int64_t start, std::int64_t end) const {
    const auto queries = part(inputs.queries, start, end).to(wide);
    const auto products = torch::matmul(queries, part(keys, 0, end).transpose(-2, -1));
    const auto hidden =
        torch::ones({end - start, end}, keys.options().dtype(torch::kBool)).triu(start + 1);
    return (products * scale(start, end)).masked_fill_(hidden, -infinity);
  }
};

/// Replaces -inf by 0: such scores have the weight 0, and 0 * -inf is NaN.
torch::Tensor bounded(const torch::Tensor& shifted) {
  return shifted.masked_fill(shifted == -infinity, 0);
}

}  // namespace

AttentionRows attention_by_operations(const AttentionInputs& inputs, std::int64_t block_scores) {
  const Blocks blocks{inputs};
  const auto block = blocks.rows(block_scores);
  const auto& queries = inputs.queries;
  const auto statistic = [&] {
    return torch::empty(queries.sizes().slice(0, 3), inputs.row_scale.options());
  };
  AttentionRows rows{empty_heads(queries, queries.scalar_type()), statistic(), statistic(),
                     statistic()};
  for (std::int64_t start = 0; start < blocks.length(); start += block) {
    const auto end = std::min(start + block, blocks.length());
    auto scores = blocks.scores(start, end);
    const auto largest = scores.amax(-1, true);
    const auto shifted = scores.sub_(largest);
    const auto exponentials = shifted.exp();
    const auto sum = exponentials.sum(-1, true);
    const auto output = torch::matmul(exponentials, part(blocks.values, 0, end)) / sum;
    const auto mean = exponentials.mul(bounded(shifted)).sum(-1, true) / sum;
    part(rows.output, start, end).copy_(output);
    part(rows.largest, start, end).copy_(largest.squeeze(-1));
    part(rows.log_sum, start, end).copy_(sum.squeeze(-1).log());
    part(rows.mean, start, end).copy_(mean.squeeze(-1));
  }
  return rows;
}

AttentionGradients differentiate_by_operations(const AttentionInputs& inputs,
                                               const AttentionRows& rows,
                                               const ResultGradients& gradients,
                                               std::int64_t block_scores) {
  const Blocks blocks{inputs};
  const auto block = blocks.rows(block_scores);
  const auto wide = blocks.wide;
  const auto& queries = inputs.queries;
  AttentionGradients result;
  result.queries = empty_heads(queries, queries.scalar_type());
  result.temperature_sum = torch::empty_like(rows.largest);
  auto key_sum = torch::zeros(queries.sizes(), inputs.row_scale.options());
  auto value_sum = gradients.output.defined() ? torch::zeros_like(key_sum) : torch::Tensor();
  for (std::int64_t start = 0; start < blocks.length(); start += block) {
    const auto end = std::min(start + block, blocks.length());
    const auto of_rows = [&](const torch::Tensor& x) {
      return part(x, start, end).to(wide).unsqueeze(-1);
    };
    const auto shifted = blocks.scores(start, end).sub_(of_rows(rows.largest));
    const auto a = (shifted - of_rows(rows.log_sum)).exp_();
    const auto finite = bounded(shifted);
    torch::Tensor ds;
    if (gradients.output.defined()) {
      const auto dout = part(gradients.output, start, end).to(wide);
      const auto dot = (dout * part(rows.output, start, end)).sum(-1, true);
      ds = torch::matmul(dout, part(blocks.values, 0, end).transpose(-2, -1)).sub_(dot);
      part(value_sum, 0, end).add_(torch::matmul(a.transpose(-2, -1), dout));
    }
    if (gradients.entropy.defined()) {
      const auto term = of_rows(gradients.entropy) * (of_rows(rows.mean) - finite);
      ds = ds.defined() ? ds.add_(term) : term;
    }
    ds = ds.mul_(a);
    // ds sums to 0, so the shift of the scores has no effect.
    part(result.temperature_sum, start, end).copy_((ds * finite).sum(-1));
    ds.mul_(blocks.scale(start, end));
    part(result.queries, start, end).copy_(torch::matmul(ds, part(blocks.keys, 0, end)));
    part(key_sum, 0, end)
        .add_(torch::matmul(ds.transpose(-2, -1), part(queries, start, end).to(wide)));
  }
  result.keys = empty_heads(queries, queries.scalar_type()).copy_(key_sum);
  if (value_sum.defined()) {
    result.values = empty_heads(queries, queries.scalar_type()).copy_(value_sum);
  }
  return result;
}

}  // namespace aero::ops
