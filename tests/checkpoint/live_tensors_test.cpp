#include "aero/checkpoint/live_tensors.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace aero::checkpoint {
namespace {

TEST(LiveTensors, AreReadInPlaceUntilTheyAreReleased) {
  const auto first = torch::ones({100});
  const auto second = torch::ones({200});
  LiveTensors live;
  live.add(first);
  live.add(second);
  EXPECT_EQ(live.begin(first).const_data_ptr(), first.const_data_ptr());
  live.end(first);

  EXPECT_EQ(live.release(), 200 * sizeof(float));  // the first is written
  second.fill_(7);
  const auto written = live.begin(second);
  EXPECT_NE(written.const_data_ptr(), second.const_data_ptr());
  EXPECT_TRUE(written.eq(1).all().item<bool>());
  live.end(second);
  EXPECT_EQ(live.release(), 0);
}

TEST(LiveTensors, AreReleasedOnceNoneIsBeingRead) {
  const auto tensor = torch::ones({100});
  LiveTensors live;
  live.add(tensor);
  live.begin(tensor);
  auto released = std::async(std::launch::async, [&live] { return live.release(); });
  EXPECT_EQ(released.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  live.end(tensor);
  EXPECT_EQ(released.get(), 0);
}

TEST(LiveTensors, AreReleasedWhereTheWriterHasFailed) {
  const auto tensor = torch::ones({100});
  LiveTensors live;
  live.add(tensor);
  live.begin(tensor);
  live.finish();
  EXPECT_EQ(live.release(), 0);
}

TEST(LiveTensors, LeaveOthersAsTheyAre) {
  const auto tensor = torch::ones({100});
  LiveTensors live;
  EXPECT_EQ(live.begin(tensor).const_data_ptr(), tensor.const_data_ptr());
  EXPECT_EQ(live.release(), 0);
  live.end(tensor);
}

TEST(LiveTensors, OfTwoNamesAreKeptUntilBothAreWritten) {
  const auto tensor = torch::ones({100});
  LiveTensors live;
  live.add(tensor);
  live.add(tensor);
  live.begin(tensor);
  live.end(tensor);
  EXPECT_EQ(live.release(), 100 * sizeof(float));
  tensor.fill_(7);
  EXPECT_TRUE(live.begin(tensor).eq(1).all().item<bool>());
}

}  // namespace
}  // namespace aero::checkpoint
