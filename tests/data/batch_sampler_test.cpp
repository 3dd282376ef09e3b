#include "aero/data/batch_sampler.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace aero::data {
namespace {

using Indices = std::vector<std::int64_t>;

/// The samples at positions 0, 1, 2, 3, N-1, N, N+1 and 5N+3.
Indices landmarks(const BatchSampler& sampler) {
  const std::int64_t n = sampler.samples();
  Indices result;
  for (const std::int64_t position : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2},
                                      std::int64_t{3}, n - 1, n, n + 1, 5 * n + 3}) {
    result.push_back(sampler.index(position));
  }
  return result;
}

// Computed by a Python implementation of the description in batch_sampler.h.
TEST(BatchSampler, GivesTheSamplesOfAnIndependentImplementation) {
  EXPECT_EQ(landmarks({17, 0}), (Indices{13, 8, 2, 6, 3, 15, 2, 5}));
  EXPECT_EQ(landmarks({1000, 42}), (Indices{718, 100, 536, 85, 164, 778, 536, 102}));
  EXPECT_EQ(landmarks({65537, ~std::uint64_t{0}}),
            (Indices{32007, 45128, 23139, 47742, 49581, 45558, 2267, 52107}));
  EXPECT_EQ(landmarks({1'000'000'000'000, 7}),
            (Indices{76996385087, 789550632867, 367393362466, 921411022852, 602771281912,
                     501245636377, 553678869409, 296461227294}));
}

TEST(BatchSampler, VisitsEverySampleOnceInEachEpoch) {
  for (const std::int64_t n : {1, 2, 3, 4, 5, 16, 17, 1000, 65537}) {
    const BatchSampler sampler(n, 3);
    Indices expected(static_cast<std::size_t>(n));
    std::iota(expected.begin(), expected.end(), 0);
    for (const std::int64_t epoch : {0, 1, 7}) {
      Indices seen = sampler.indices(epoch * n, n);
      std::ranges::sort(seen);
      EXPECT_EQ(seen, expected) << "N = " << n << ", epoch " << epoch;
    }
  }
}

TEST(BatchSampler, OrdersEpochsAndSeedsDifferently) {
  const BatchSampler sampler(1000, 1);
  EXPECT_NE(sampler.indices(0, 1000), sampler.indices(1000, 1000));
  EXPECT_NE(sampler.indices(0, 1000), BatchSampler(1000, 2).indices(0, 1000));
}

TEST(BatchSampler, DoesNotDependOnHowPositionsAreBatched) {
  const BatchSampler sampler(100, 9);
  const Indices all = sampler.indices(0, 240);
  Indices pieces;
  for (const std::int64_t count : {7, 1, 92, 60, 80}) {
    const Indices piece = sampler.indices(static_cast<std::int64_t>(pieces.size()), count);
    pieces.insert(pieces.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pieces, all);
}

TEST(BatchSampler, SharesABatchBetweenRanksWithoutGapOrOverlap) {
  std::int64_t next = 640;
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    const auto part = BatchSampler::share({640, 32}, rank, 4);
    EXPECT_EQ(part.first, next);
    EXPECT_EQ(part.count, 8);
    next += part.count;
  }
  EXPECT_EQ(next, 672);
}

TEST(BatchSampler, SharesThatAreNotEvenDifferByOne) {
  std::int64_t next = 5;
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    const auto part = BatchSampler::share({5, 10}, rank, 4);
    EXPECT_EQ(part.first, next);
    EXPECT_THAT(part.count, testing::AnyOf(2, 3));
    next += part.count;
  }
  EXPECT_EQ(next, 15);
}

TEST(BatchSampler, RefusesMoreRanksThanSequences) {
  EXPECT_EQ(BatchSampler::share({0, 4}, 3, 4).count, 1);
  EXPECT_THROW(BatchSampler::share({0, 3}, 0, 4), UsageError);
}

// Over 4096 seeds each of 16 samples stands first about 256 times: a chi-square with 15 degrees of
// freedom exceeds 50 once in 80,000.
TEST(BatchSampler, PutsEverySampleFirstEquallyOften) {
  std::vector<double> counts(16);
  for (std::uint64_t seed = 0; seed < 4096; ++seed) {
    ++counts[static_cast<std::size_t>(BatchSampler(16, seed).index(0))];
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 256) * (count - 256) / 256;
  EXPECT_LT(chi_square, 50);
}

TEST(BatchSampler, ScattersNeighbours) {
  const Indices order = BatchSampler(10000, 5).indices(0, 10000);
  int close = 0;
  for (std::size_t i = 1; i < order.size(); ++i) close += std::abs(order[i] - order[i - 1]) <= 1;
  EXPECT_LT(close, 12);
}

TEST(BatchSampler, RefusesACorpusWithoutSamples) {
  EXPECT_THROW(BatchSampler(0, 1), Error);
}

}  // namespace
}  // namespace aero::data
