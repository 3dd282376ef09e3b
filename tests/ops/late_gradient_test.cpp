#include "aero/ops/late_gradient.h"

#include <torch/torch.h>

#include <gtest/gtest.h>

#include <utility>

namespace aero::ops {
namespace {

TEST(LateGradient, IsThatOfX) {
  const auto x = torch::tensor({0.2, 0.3}, torch::requires_grad());
  const auto late = with_late_gradient(x);
  EXPECT_TRUE(torch::equal(late, x));
  ((x * 5).exp() * late).sum().backward();
  EXPECT_TRUE(torch::allclose(x.grad(), ((5 * x + 1) * (5 * x).exp()).detach()));
}

TEST(LateGradient, LetsRowsBeAddedInPlace) {
  auto weight = torch::rand({1000, 4}, torch::requires_grad());
  const auto indices = torch::tensor({3, 999, 3});
  const auto late = with_late_gradient(weight);
  const auto rows = torch::embedding(weight, indices, -1, false, /*sparse=*/true);
  auto dense = torch::rand({1000, 4});
  const auto* const place = dense.const_data_ptr();
  auto expected = dense.clone();
  for (const auto row : {3, 999, 3}) expected[row] += 1;

  struct Dense : torch::autograd::Function<Dense> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context,
                                 const torch::Tensor& /*x*/, torch::Tensor* gradient) {
      context->saved_data["gradient"] = std::move(*gradient);
      return torch::zeros({});
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list /*outputs*/) {
      auto gradient = context->saved_data["gradient"].toTensor();
      context->saved_data.erase("gradient");
      return {gradient, {}};
    }
  };
  const auto loss = rows.sum() + Dense::apply(late, &dense);
  loss.backward();
  EXPECT_TRUE(torch::equal(weight.grad(), expected));
  EXPECT_EQ(weight.grad().const_data_ptr(), place);
}

}  // namespace
}  // namespace aero::ops
