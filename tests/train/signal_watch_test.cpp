#include "aero/train/signal_watch.h"

#include <gtest/gtest.h>

#include <csignal>

namespace aero::train {
namespace {

TEST(SignalWatch, HoldsASignalBackAndTellsOfIt) {
  SignalWatch watch;
  EXPECT_FALSE(watch.pending().has_value());
  ::raise(SIGTERM);
  EXPECT_EQ(watch.pending(), Outcome::terminated);
  EXPECT_EQ(watch.pending(), Outcome::terminated) << "it does not forget";
}

TEST(SignalWatch, TellsAnInterruptFromATermination) {
  SignalWatch watch;
  ::raise(SIGINT);
  EXPECT_EQ(watch.pending(), Outcome::interrupted);
}

TEST(SignalWatch, LetsASecondSignalEndTheProcess) {
  EXPECT_EXIT(
      {
        SignalWatch watch;
        ::raise(SIGINT);
        watch.pending();
        ::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace aero::train
