#include "aero/train/signal_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

namespace aero::train {
namespace {

/// A shell starts what it puts into the background with some signals ignored.
class SignalWatchTest : public ::testing::Test {
 protected:
  SignalWatchTest() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
  }
};

TEST_F(SignalWatchTest, HoldsASignalBackAndReportsIt) {
  SignalWatch watch;
  EXPECT_FALSE(watch.pending().has_value());
  ::raise(SIGTERM);
  EXPECT_EQ(watch.pending(), Outcome::terminated);
  EXPECT_EQ(watch.pending(), Outcome::terminated) << "it does not forget";
}

TEST_F(SignalWatchTest, DistinguishesAnInterruptFromATermination) {
  SignalWatch watch;
  ::raise(SIGINT);
  EXPECT_EQ(watch.pending(), Outcome::interrupted);
}

TEST_F(SignalWatchTest, ReportsAHangup) {
  SignalWatch watch;
  ::raise(SIGHUP);
  EXPECT_EQ(watch.pending(), Outcome::hangup);
}

TEST_F(SignalWatchTest, CatchesASignalInAThreadThatIsOlder) {
  std::promise<void> end;
  std::thread older([ended = end.get_future()] { ended.wait(); });
  SignalWatch watch;
  EXPECT_EQ(::pthread_kill(older.native_handle(), SIGTERM), 0);
  while (!watch.pending()) std::this_thread::yield();
  EXPECT_EQ(watch.pending(), Outcome::terminated);
  end.set_value();
  older.join();
}

TEST_F(SignalWatchTest, EndsTheProcessByASignalThatWasNeverReported) {
  EXPECT_EXIT(
      {
        {
          const SignalWatch watch;
          ::raise(SIGHUP);
        }
        ::_exit(0);
      },
      ::testing::KilledBySignal(SIGHUP), "");
}

TEST_F(SignalWatchTest, CatchesSignalsAgainAfterWhatWasLetThrough) {
  SignalWatch watch;
  watch.let_through([] {});
  ::raise(SIGTERM);
  EXPECT_EQ(watch.pending(), Outcome::terminated);
}

TEST_F(SignalWatchTest, LeavesAnIgnoredSignalIgnored) {
  std::signal(SIGHUP, SIG_IGN);
  SignalWatch watch;
  ::raise(SIGHUP);
  EXPECT_FALSE(watch.pending().has_value());
  std::signal(SIGHUP, SIG_DFL);
}

TEST_F(SignalWatchTest, LetsASignalThroughWhereNothingIsToBeSaved) {
  EXPECT_EXIT(
      {
        SignalWatch watch;
        watch.let_through([] {
          ::raise(SIGTERM);
          ::_exit(0);
        });
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST_F(SignalWatchTest, GoesOnSavingWhereTheSchedulerAndTheSweepBothStopIt) {
  EXPECT_EXIT(
      {
        {
          SignalWatch watch;
          ::raise(SIGTERM);
          watch.pending();
          ::raise(SIGTERM);
          ::raise(SIGHUP);
        }
        ::_exit(7);  // also the end of the watch lets none of them through
      },
      ::testing::ExitedWithCode(7), "");
}

TEST_F(SignalWatchTest, GoesOnSavingWhereSeveralSignalsCameAtOnce) {
  EXPECT_EXIT(
      {
        {
          SignalWatch watch;
          ::raise(SIGINT);
          ::raise(SIGHUP);
          watch.pending();
        }
        ::_exit(7);
      },
      ::testing::ExitedWithCode(7), "");
}

TEST_F(SignalWatchTest, LetsASecondInterruptEndTheProcess) {
  EXPECT_EXIT(
      {
        SignalWatch watch;
        ::raise(SIGINT);
        watch.pending();
        ::raise(SIGINT);
        ::_exit(0);  // before the end of the watch lets signals through
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace aero::train
