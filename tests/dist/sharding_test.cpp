#include "aero/dist/sharding.h"

#include "tests/support/ranks.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace aero::dist {
namespace {

using test::on_ranks;

TEST(Sharding, OfAProcessAloneIsTheTensorItself) {
  const Sharding alone;
  const auto x = torch::rand({3, 4});
  EXPECT_TRUE(alone.is_whole());
  EXPECT_TRUE(alone.part(x).is_same(x));
  alone.complete({x});
}

TEST(Sharding, PartsFallByTheNumberOfRanks) {
  for (const std::int64_t numbers : {0, 1, 64, 65, 200, 100'000}) {
    on_ranks(3, [&](const Communicator& communicator) {
      const Sharding sharding(communicator);
      const auto part = sharding.part(torch::zeros({numbers}));
      EXPECT_LE(part.numel(), (numbers + 2) / 3 + 63);
      const auto all = torch::full({}, part.numel(), torch::kInt64);
      communicator.sum(all);
      EXPECT_EQ(all.item<std::int64_t>(), numbers);
    });
  }
}

TEST(Sharding, CompletesTensorsOfWhichEachRankHasItsPart) {
  const std::vector<std::vector<std::int64_t>> shapes = {{1}, {5, 3}, {}, {2, 2, 7}, {4'000'000}};
  on_ranks(3, [&](const Communicator& communicator) {
    const Sharding sharding(communicator);
    std::vector<torch::Tensor> tensors, expected;
    for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
      for (const auto& shape : shapes) {
        tensors.push_back(torch::zeros(shape, dtype));
        expected.push_back(torch::arange(tensors.back().numel(), dtype).reshape(shape));
        sharding.part(tensors.back()).copy_(sharding.part(expected.back()));
      }
    }
    sharding.complete(tensors);
    for (std::size_t i = 0; i < tensors.size(); ++i) EXPECT_TRUE(tensors[i].equal(expected[i]));
  });
}

}  // namespace
}  // namespace aero::dist
