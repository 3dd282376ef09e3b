#include "aero/dist/communicator.h"

#include "tests/support/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

namespace aero::dist {
namespace {

using test::on_ranks;

TEST(Communicator, OfAProcessAloneDoesNothing) {
  const Communicator alone;
  EXPECT_TRUE(alone.is_alone());
  EXPECT_TRUE(alone.leads());
  EXPECT_EQ(alone.ranks(), 1);
  const auto x = torch::tensor({1.0, 2.0});
  alone.sum(x);
  alone.broadcast(x);
  EXPECT_TRUE(x.equal(torch::tensor({1.0, 2.0})));
  EXPECT_EQ(alone.broadcast("text"), "text");
  EXPECT_THAT(alone.gather("text"), testing::ElementsAre("text"));
  alone.leave();
}

TEST(Communicator, SumsOverRanks) {
  for (const int ranks : {2, 3, 4}) {
    on_ranks(ranks, [&](const Communicator& communicator) {
      EXPECT_EQ(communicator.ranks(), ranks);
      for (const auto dtype : {torch::kFloat32, torch::kFloat64, torch::kBFloat16, torch::kInt64}) {
        const auto x = torch::full({3, 2}, communicator.rank() + 1, dtype);
        communicator.sum(x);
        EXPECT_TRUE(x.equal(torch::full({3, 2}, ranks * (ranks + 1) / 2, dtype))) << dtype;
      }
    });
  }
}

TEST(Communicator, GivesAllRanksTheSameBitsOfASum) {
  constexpr int ranks = 4;
  std::vector<torch::Tensor> sums(ranks);
  on_ranks(ranks, [&](const Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    sums[rank] = torch::rand({1001}, at::make_generator<at::CPUGeneratorImpl>(rank));
    communicator.sum(sums[rank]);
  });
  for (const auto& sum : sums) EXPECT_TRUE(sum.equal(sums.front()));
}

TEST(Communicator, KeepsSeveralSumsApartThatRunAtOnce) {
  on_ranks(3, [](const Communicator& communicator) {
    std::vector<torch::Tensor> values;
    std::vector<std::function<void()>> waits;
    for (int i = 0; i < 10; ++i) {
      values.push_back(torch::full({1000}, i, torch::kFloat32));
      waits.push_back(communicator.start_sum(values.back()));
    }
    for (auto& wait : waits) wait();
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(values[static_cast<std::size_t>(i)].equal(torch::full({1000}, 3.0F * i)));
    }
  });
}

TEST(Communicator, SendsTensorsOfOneRankToAll) {
  on_ranks(3, [](const Communicator& communicator) {
    const auto flat = torch::full({4, 2}, communicator.rank());
    communicator.broadcast(flat, 2);
    EXPECT_TRUE(flat.equal(torch::full({4, 2}, 2)));
    const auto turned = torch::full({4, 2}, communicator.rank(), torch::kFloat64).t();
    communicator.broadcast(turned, 1);
    EXPECT_TRUE(turned.equal(torch::ones({2, 4}, torch::kFloat64)));
    const auto scalar = torch::full({}, communicator.rank() + 5, torch::kInt64);
    communicator.broadcast(scalar);
    EXPECT_EQ(scalar.item<int>(), 5);
  });
}

TEST(Communicator, GathersInTheOrderOfRanks) {
  on_ranks(3, [](const Communicator& communicator) {
    const auto rank = communicator.rank();
    const auto rows = torch::zeros({3, 2});
    rows[rank].fill_(rank + 1);
    communicator.gather(rows);
    EXPECT_TRUE(rows.equal(torch::tensor({{1.F, 1.F}, {2.F, 2.F}, {3.F, 3.F}})));
    EXPECT_THAT(communicator.gather(std::string(static_cast<std::size_t>(rank), 'x')),
                testing::ElementsAre("", "x", "xx"));
    EXPECT_EQ(communicator.broadcast("of rank " + std::to_string(rank)), "of rank 0");
    EXPECT_EQ(communicator.broadcast(""), "");
  });
}

TEST(Communicator, TellsTheOthersWhyARankEnds) {
  std::mutex mutex;
  std::vector<std::string> messages;
  const auto work = [&](const Communicator& communicator) {
    if (communicator.rank() == 1) {
      communicator.report_fault("the disk is full");
      throw std::runtime_error("ends");
    }
    try {
      communicator.sum(torch::zeros({2}));
    } catch (const RankLost& lost) {
      const std::lock_guard lock(mutex);
      messages.emplace_back(lost.what());
      throw;
    }
  };
  EXPECT_THROW(on_ranks(3, work), RankLost);
  EXPECT_THAT(messages,
              testing::AllOf(testing::SizeIs(2), testing::Each(testing::MatchesRegex(
                                                     "rank 1 .process [0-9]+ on .*.: the disk is "
                                                     "full; this rank stops, too.*"))));
}

}  // namespace
}  // namespace aero::dist
