#include "aero/ops/copy_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

namespace aero::ops {
namespace {

/// The same by memcpy, in one thread.
double memcpy_rate(std::size_t bytes) {
  using Clock = std::chrono::steady_clock;
  const std::vector<char> from(bytes, 1);
  std::vector<char> to(bytes, 2);
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    std::memcpy(to.data(), from.data(), bytes);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  EXPECT_EQ(to.back(), 1);
  return 2 * static_cast<double>(bytes) / best;
}

// Within a factor that leaves room for many threads and for a busy machine.
TEST(CopyRate, IsOfTheOrderOfMemcpy) {
  constexpr std::int64_t bytes = 64 << 20;
  const double rate = copy_rate(torch::kCPU, bytes, 0.05);
  const double expected = memcpy_rate(bytes);
  EXPECT_GT(rate, expected / 20);
  EXPECT_LT(rate, expected * 50);
}

TEST(CopyRate, LeavesTheRandomNumbersAlone) {
  torch::manual_seed(1);
  const auto expected = torch::rand({4});
  torch::manual_seed(1);
  copy_rate(torch::kCPU, 1 << 16, 0);
  EXPECT_TRUE(torch::equal(torch::rand({4}), expected));
}

}  // namespace
}  // namespace aero::ops
