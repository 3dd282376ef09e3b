#include "aero/ops/running_mean.h"

#include "tests/support/autocast.h"
#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

using testing_support::there;

torch::Tensor some(torch::ScalarType dtype) {
  return torch::arange(2 * 3 * 5 * 4, torch::kFloat64).sin().view({2, 3, 5, 4}).to(dtype);
}

/// As its name says.
torch::Tensor written_out(const torch::Tensor& x) {
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 1; i <= x.size(2); ++i) rows.push_back(x.narrow(2, 0, i).mean(2));
  return torch::stack(rows, 2);
}

TEST(RunningMean, IsTheMeanOfTheRowsSoFarWithItsGradient) {
  const auto x = some(torch::kFloat64);
  const auto weights = some(torch::kFloat64).cos();
  const auto gradient_of = [&](torch::Tensor (*function)(const torch::Tensor&)) {
    const auto leaf = there(x.clone()).detach().requires_grad_();
    const auto y = function(leaf);
    EXPECT_LE((y.detach().cpu() - written_out(x)).abs().max().item<double>(), 1e-14);
    (y * there(weights)).sum().backward();
    return leaf.grad().cpu();
  };
  const auto expected = gradient_of(written_out);
  for (const auto function : {running_mean, running_mean_by_product}) {
    EXPECT_LE((gradient_of(function) - expected).abs().max().item<double>(), 1e-14);
  }
}

TEST(RunningMean, KeepsItsDtypeUnderAutocast) {
  const auto x = there(some(torch::kFloat32));
  const testing_support::Autocast autocast(torch::kBFloat16);
  for (const auto function : {running_mean, running_mean_by_product}) {
    const auto y = function(x);
    EXPECT_EQ(y.scalar_type(), torch::kFloat32);
    EXPECT_LE((y.cpu() - written_out(x.cpu())).abs().max().item<double>(), 1e-6);
  }
}

}  // namespace
}  // namespace aero::ops
