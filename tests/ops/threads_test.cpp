#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <thread>

namespace aero::ops {
namespace {

// Where the compiler's OpenMP is off, at::parallel_for runs on one thread, and says nothing.
TEST(Threads, ShareAParallelLoopThatAeroCompiles) {
  const auto before = at::get_num_threads();
  at::set_num_threads(2);
  std::array<std::thread::id, 2> threads;
  at::parallel_for(0, 2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) threads.at(i) = std::this_thread::get_id();
  });
  at::set_num_threads(before);
  EXPECT_NE(threads[0], threads[1]);
}

}  // namespace
}  // namespace aero::ops
