#include "aero/model/entropy_penalty.h"

#include <cmath>

namespace aero::model {
namespace {

torch::Tensor beyond_margin(const torch::Tensor& deviation, double margin) {
  return torch::hardshrink(deviation, margin).square();
}

/// Turns the mean over a process's part of the batch into that over the batch. The gradient stays
/// with the part.
torch::Tensor of_batch(const torch::Tensor& mean, const BatchShare& share) {
  if (!share.sum) return mean;
  const auto part = mean * share.part;
  return share.sum(part.detach()) + (part - part.detach());
}

}  // namespace

torch::Tensor entropy_penalty(const std::vector<torch::Tensor>& row_entropy,
                              const torch::Tensor& thresholds, const EregConfig& config,
                              std::int64_t context, const BatchShare& share) {
  const double largest = std::log(static_cast<double>(context));
  const double margin = config.gamma * largest;
  const std::vector<std::int64_t> batch_and_rows{
      0, 2};  // bare {0, 2} is ambiguous before LibTorch 2.13
  auto sum = torch::zeros({}, row_entropy.front().options());
  for (std::size_t l = 0; l < row_entropy.size(); ++l) {
    const auto target = thresholds[static_cast<std::int64_t>(l)] * largest;  // [H]
    switch (config.reduction) {
      case EntropyReduction::mean:
        sum = sum +
              beyond_margin(of_batch(row_entropy[l].mean(batch_and_rows) - target, share), margin)
                  .sum();
        break;
      case EntropyReduction::row_sum:
        sum = sum + beyond_margin(row_entropy[l] - target.unsqueeze(-1), margin).sum();
        break;
    }
  }
  return sum * (config.lambda / static_cast<double>(thresholds.numel()));
}

}  // namespace aero::model
