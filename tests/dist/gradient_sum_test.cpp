#include "aero/dist/gradient_sum.h"

#include "tests/support/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::dist {
namespace {

using test::on_ranks;

/// Two layers and a parameter that no loss uses.
struct Parameters {
  torch::Tensor first = torch::linspace(-1, 1, 12).reshape({3, 4}).requires_grad_();
  torch::Tensor second = torch::linspace(-2, 1, 6).reshape({2, 3}).requires_grad_();
  torch::Tensor unused = torch::ones({5}).requires_grad_();

  std::vector<torch::Tensor> all() const { return {first, second, unused}; }
};

torch::Tensor loss(const Parameters& p, const torch::Tensor& x) {
  return torch::tanh(x.matmul(p.first.t())).matmul(p.second.t()).square().sum();
}

torch::Tensor input(int rank) {
  return torch::linspace(-1.0F + 0.3F * static_cast<float>(rank), 1, 8).reshape({2, 4});
}

/// The gradients of one process that has the inputs of all ranks.
Parameters reference(int ranks, int passes = 1) {
  Parameters p;
  for (int pass = 0; pass < passes; ++pass) {
    for (int rank = 0; rank < ranks; ++rank) loss(p, input(rank + pass)).backward();
  }
  return p;
}

TEST(GradientSum, IsThatOfOneProcess) {
  for (const std::int64_t bucket_bytes : {std::int64_t{1}, std::int64_t{40}, std::int64_t{4096}}) {
    const auto expected = reference(3);
    on_ranks(3, [&](const Communicator& communicator) {
      Parameters p;
      GradientSum sum(communicator, p.all(), torch::kFloat32, bucket_bytes);
      for (int step = 0; step < 3; ++step) {
        for (auto& parameter : p.all()) parameter.mutable_grad() = torch::Tensor();
        sum.begin();
        loss(p, input(communicator.rank())).backward();
        sum.finish();
        EXPECT_TRUE(p.first.grad().allclose(expected.first.grad(), 1e-6, 1e-7));
        EXPECT_TRUE(p.second.grad().allclose(expected.second.grad(), 1e-6, 1e-7));
        EXPECT_FALSE(p.unused.grad().defined());
      }
    });
  }
}

TEST(GradientSum, AddsThePassesOfAStep) {
  const auto expected = reference(2, 2);
  on_ranks(2, [&](const Communicator& communicator) {
    Parameters p;
    GradientSum sum(communicator, p.all(), torch::kFloat32);
    loss(p, input(communicator.rank())).backward();
    sum.begin();
    loss(p, input(communicator.rank() + 1)).backward();
    sum.finish();
    EXPECT_TRUE(p.first.grad().allclose(expected.first.grad(), 1e-6, 1e-7));
  });
}

TEST(GradientSum, TakesAGradientOfAnEarlierPassOrOfOneRankAlone) {
  on_ranks(2, [&](const Communicator& communicator) {
    Parameters p;
    GradientSum sum(communicator, p.all(), torch::kFloat32);
    if (communicator.rank() == 1) (p.unused * 3).sum().backward();
    sum.begin();
    loss(p, input(communicator.rank())).backward();
    sum.finish();
    EXPECT_TRUE(p.unused.grad().equal(torch::full({5}, 3.F)));
  });
}

TEST(GradientSum, InBfloat16IsRoundedAndStaysFloat32) {
  const auto expected = reference(2);
  on_ranks(2, [&](const Communicator& communicator) {
    Parameters p;
    GradientSum sum(communicator, p.all(), torch::kBFloat16);
    sum.begin();
    loss(p, input(communicator.rank())).backward();
    sum.finish();
    EXPECT_EQ(p.first.grad().scalar_type(), torch::kFloat32);
    EXPECT_TRUE(p.first.grad().allclose(expected.first.grad(), 0.02, 0.02));
    EXPECT_TRUE(p.first.grad().equal(p.first.grad().to(torch::kBFloat16).to(torch::kFloat32)));
  });
}

TEST(GradientSum, KeepsFloat64) {
  on_ranks(2, [&](const Communicator& communicator) {
    const auto x = torch::full({3}, 0.1, torch::kFloat64).requires_grad_();
    GradientSum sum(communicator, {x}, torch::kFloat32);
    sum.begin();
    (x * (1 + 1e-12)).sum().backward();
    sum.finish();
    EXPECT_TRUE(x.grad().equal(torch::full({3}, 2 * (1 + 1e-12), torch::kFloat64)));
  });
}

TEST(GradientSum, LeavesNoHookBehind) {
  on_ranks(2, [&](const Communicator& communicator) {
    Parameters p;
    { const GradientSum sum(communicator, p.all(), torch::kFloat32); }
    loss(p, input(communicator.rank())).backward();
    Parameters alone;
    loss(alone, input(communicator.rank())).backward();
    EXPECT_TRUE(p.first.grad().equal(alone.first.grad()));
  });
}

}  // namespace
}  // namespace aero::dist
