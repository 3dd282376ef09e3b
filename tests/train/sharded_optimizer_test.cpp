#include "aero/train/optimizer.h"

#include "tests/support/ranks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace aero::train {
namespace {

/// Parameters of several sizes, one of which lies in memory the other way round.
NamedParameters parameters() {
  using enum model::ParameterKind;
  const auto make = [](const std::vector<std::int64_t>& shape) {
    return torch::linspace(-1, 1, c10::multiply_integers(shape)).reshape(shape);
  };
  NamedParameters all{{"tokens.weight", make({30, 50}), embedding},
                      {"norm.weight", make({50}), norm},
                      {"turned", make({20, 10}).t(), matrix},
                      {"scale", make({1}), scale}};
  for (auto& parameter : all) parameter.value.requires_grad_();
  return all;
}

void set_gradients(NamedParameters& parameters, int step) {
  for (auto& [name, value, kind] : parameters) {
    value.mutable_grad() = torch::sin(value.detach() * (3 + step));
  }
}

TEST(ShardedOptimizer, MakesTheUpdatesOfAWholeOneWithAShareOfTheMoments) {
  auto expected = parameters();
  Optimizer whole(OptimizerConfig(), expected);
  for (int step = 0; step < 3; ++step) {
    set_gradients(expected, step);
    whole.step(0.01);
  }
  constexpr int ranks = 3;
  std::vector<std::int64_t> bytes(ranks);
  test::on_ranks(ranks, [&](const dist::Communicator& communicator) {
    auto ours = parameters();
    Optimizer optimizer(OptimizerConfig(), ours, dist::Sharding(communicator));
    bytes[static_cast<std::size_t>(communicator.rank())] = optimizer.moment_bytes();
    for (int step = 0; step < 3; ++step) {
      set_gradients(ours, step);
      optimizer.step(0.01);
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(ours[i].value.equal(expected[i].value)) << ours[i].name;
    }
    const auto state = optimizer.state();
    for (const auto& [name, tensor] : whole.state()) EXPECT_TRUE(state.at(name).equal(tensor));
  });
  // The parameter that is not contiguous, of 200 numbers, is not shared.
  const auto shared = whole.moment_bytes() - 2 * 200 * 4;
  for (const auto own : bytes) EXPECT_LE(own - 2 * 200 * 4, shared / ranks + 2 * 4 * 64 * 3);
}

TEST(ShardedOptimizer, GoesOnFromTheStateThatRank0Loads) {
  auto expected = parameters();
  Optimizer whole(OptimizerConfig(), expected);
  set_gradients(expected, 0);
  whole.step(0.01);
  auto state = whole.state();
  for (auto& [name, tensor] : state) tensor = tensor.clone();
  std::vector<torch::Tensor> weights;
  for (const auto& parameter : expected) weights.push_back(parameter.value.detach().clone());
  set_gradients(expected, 1);
  whole.step(0.01);
  test::on_ranks(2, [&](const dist::Communicator& communicator) {
    auto ours = parameters();
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i].value.detach().copy_(weights[i]);
    Optimizer optimizer(OptimizerConfig(), ours, dist::Sharding(communicator));
    if (communicator.leads()) optimizer.load_state(state);
    optimizer.share_state(communicator);
    set_gradients(ours, 1);
    optimizer.step(0.01);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(ours[i].value.equal(expected[i].value)) << ours[i].name;
    }
  });
}

}  // namespace
}  // namespace aero::train
