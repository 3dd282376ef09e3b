#include "src/ops/block_region.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace aero::ops {
namespace {

constexpr std::size_t page = 4096;

TEST(BlockRegion, CutsABlockFromTheSmallestRangeThatHoldsIt) {
  BlockRegion region(100 * page);
  auto* const large = region.take(10 * page);
  auto* const wall = region.take(page);
  auto* const small = region.take(5 * page);
  region.take(page);
  region.free(large);
  region.free(small);
  EXPECT_EQ(region.take(4 * page), small);
  EXPECT_EQ(region.take(10 * page), large);
  EXPECT_EQ(region.used(), 17 * page);
  region.free(wall);
  EXPECT_EQ(region.take(1), wall);
}

TEST(BlockRegion, JoinsFreeNeighboursFromBothSides) {
  BlockRegion region(100 * page);
  auto* const first = region.take(2 * page);
  auto* const second = region.take(2 * page);
  auto* const third = region.take(2 * page);
  region.take(page);
  region.free(first);
  region.free(third);
  region.free(second);
  EXPECT_EQ(region.take(6 * page), first);
  EXPECT_EQ(region.used(), 7 * page);
}

TEST(BlockRegion, ReturnsNullWhereNoRangeIsLargeEnough) {
  BlockRegion region(10 * page);
  EXPECT_EQ(region.take(11 * page), nullptr);
  EXPECT_EQ(region.take(SIZE_MAX), nullptr);
  auto* const all = region.take(10 * page);
  EXPECT_NE(all, nullptr);
  EXPECT_EQ(region.take(1), nullptr);
  region.free(all);
  EXPECT_EQ(region.take(10 * page), all);
}

TEST(BlockRegion, IsOfNoUseWhereTheKernelRefusesAddresses) {
  BlockRegion region(std::size_t{1} << 62U);
  EXPECT_FALSE(region.is_reserved());
  EXPECT_EQ(region.take(page), nullptr);
  int other = 0;
  EXPECT_FALSE(region.contains(&other));
}

/// Takes and frees blocks in a random order, and fails where two of them overlap.
void exchange_blocks(BlockRegion& region, unsigned seed) {
  std::mt19937 random(seed);
  std::map<unsigned char*, std::size_t> blocks;
  for (int i = 0; i < 3000; ++i) {
    if (blocks.size() > 20 || (!blocks.empty() && random() % 2 == 0)) {
      const auto block = std::next(blocks.begin(), random() % blocks.size());
      const auto [begin, size] = *block;
      const auto mark = begin[0];
      ASSERT_TRUE(std::all_of(begin, begin + size, [&](auto x) { return x == mark; }));
      region.free(begin);
      blocks.erase(block);
      continue;
    }
    const auto size = 1 + random() % (3 * page);
    auto* const block = static_cast<unsigned char*>(region.take(size));
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(region.contains(block) && region.contains(block + size - 1));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % page, 0U);
    std::memset(block, static_cast<int>(random() % 256), size);
    blocks[block] = size;
  }
  for (const auto& [begin, size] : blocks) region.free(begin);
}

TEST(BlockRegion, KeepsTheBlocksOfAllThreadsApart) {
  BlockRegion region(1000 * page);
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] { exchange_blocks(region, seed); });
  }
  threads.clear();
  EXPECT_NE(region.take(1000 * page), nullptr) << "all free ranges are one again";
}

}  // namespace
}  // namespace aero::ops
