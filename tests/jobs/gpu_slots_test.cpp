#include "src/jobs/gpu_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GpuNames, AreThoseThatTheProcessSees) {
  EXPECT_THAT(gpu_names(0, ""), IsEmpty());
  EXPECT_THAT(gpu_names(3, ""), ElementsAre("0", "1", "2"));
  EXPECT_THAT(gpu_names(2, "3,GPU-5a1c"), ElementsAre("3", "GPU-5a1c"));
}

TEST(FreestGpu, IsTheFirstOfThoseWithTheFewestJobs) {
  EXPECT_EQ(freest_gpu(3, {}), 0U);
  EXPECT_EQ(freest_gpu(3, {0, 2}), 1U);
  EXPECT_EQ(freest_gpu(3, {0, 1, 2, 2, 0}), 1U);
}

}  // namespace
}  // namespace aero::jobs
