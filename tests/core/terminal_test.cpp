#include "aero/core/terminal.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace aero {
namespace {

/// A terminal of `columns` columns; 0 as one that does not know its window.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) {
    resize(columns);
    EXPECT_EQ(::openpty(&keyboard_, &screen_, nullptr, nullptr, &window_), 0);
  }
  ~Terminal() {
    ::close(keyboard_);
    ::close(screen_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int screen() const { return screen_; }

  void resize(unsigned short columns) {
    window_.ws_row = 24;
    window_.ws_col = columns;
    if (screen_ < 0) return;
    EXPECT_EQ(::ioctl(screen_, TIOCSWINSZ, &window_), 0);
  }

 private:
  struct winsize window_ {};
  int keyboard_ = -1;
  int screen_ = -1;
};

class Columns : public ::testing::Test {
 protected:
  void SetUp() override { ::unsetenv("COLUMNS"); }
  void TearDown() override { ::unsetenv("COLUMNS"); }
};

TEST_F(Columns, AreThoseOfTheWindowAsItIsNow) {
  Terminal terminal(132);
  EXPECT_TRUE(is_terminal(terminal.screen()));
  EXPECT_EQ(columns_of(terminal.screen()), 132);
  terminal.resize(40);
  EXPECT_EQ(columns_of(terminal.screen()), 40);
}

TEST_F(Columns, OfATerminalWithoutAWindowAreTheUsual80) {
  const Terminal terminal(0);
  EXPECT_EQ(columns_of(terminal.screen()), 80);
}

TEST_F(Columns, TheEnvironmentWinsWhereItSaysANumber) {
  const Terminal terminal(132);
  ::setenv("COLUMNS", "50", 1);
  EXPECT_EQ(columns_of(terminal.screen()), 50);
  for (const char* wrong : {"", "0", "-3", "wide", "99999999999"}) {
    ::setenv("COLUMNS", wrong, 1);
    EXPECT_EQ(columns_of(terminal.screen()), 132) << wrong;
  }
}

TEST_F(Columns, OfWhatIsNoTerminalAreNone) {
  ::setenv("COLUMNS", "50", 1);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  EXPECT_FALSE(is_terminal(ends[1]));
  EXPECT_EQ(columns_of(ends[1]), 0);
  EXPECT_EQ(columns_of(-1), 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace aero
