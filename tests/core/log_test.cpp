#include "aero/core/log.h"

#include "aero/core/error.h"

#include "tests/support/temporary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace aero {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class Log : public testing::Test {
 protected:
  ~Log() override {
    log::close_file();
    log::set_verbosity(Verbosity::normal);
  }

  static void say_everything() {
    log::debug("a detail");
    log::info("news {}");
    log::warn("careful");
    log::error("broken");
    log::to_file("50 %");
  }

  template <class Call>
  static std::string stderr_of(Call call) {
    testing::internal::CaptureStderr();
    call();
    return testing::internal::GetCapturedStderr();
  }

  const TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(Log, ShowsWarningsAndErrorsWhenQuiet) {
  log::set_verbosity(Verbosity::quiet);
  EXPECT_EQ(log::verbosity(), Verbosity::quiet);
  EXPECT_EQ(stderr_of(say_everything), "warning: careful\nerror: broken\n");
}

TEST_F(Log, AddsInformationWhenNormal) {
  log::set_verbosity(Verbosity::normal);
  EXPECT_EQ(stderr_of(say_everything), "news {}\nwarning: careful\nerror: broken\n");
}

TEST_F(Log, AddsDetailsWhenVerbose) {
  log::set_verbosity(Verbosity::verbose);
  EXPECT_EQ(stderr_of(say_everything), "a detail\nnews {}\nwarning: careful\nerror: broken\n");
}

TEST_F(Log, WritesEveryMessageToTheFileWithTimeAndLevel) {
  log::set_verbosity(Verbosity::quiet);
  log::open_file(folder_ / "log.txt");
  stderr_of(say_everything);
  const std::string text = get(folder_ / "log.txt");
  const std::string time = "[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9]+\\.[0-9]+[+-][0-9]+:[0-9]+ ";
  EXPECT_THAT(text, ContainsRegex("^" + time + "debug: a detail\n" + time + "info: news \\{\\}\n" +
                                  time + "warning: careful\n" + time + "error: broken\n" + time +
                                  "info: 50 %\n$"));
}

TEST_F(Log, AppendsToAnOldFileAndStopsWhenItIsClosed) {
  std::ofstream(folder_ / "log.txt") << "yesterday\n";
  log::open_file(folder_ / "log.txt");
  log::to_file("today");
  log::close_file();
  log::to_file("tomorrow");
  const std::string text = get(folder_ / "log.txt");
  EXPECT_THAT(text, HasSubstr("yesterday\n"));
  EXPECT_THAT(text, HasSubstr("today\n"));
  EXPECT_THAT(text, Not(HasSubstr("tomorrow")));
}

TEST_F(Log, NamesAFileThatCannotBeOpened) {
  try {
    log::open_file(folder_);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(folder_.string()));
    EXPECT_THAT(error.what(), HasSubstr("Is a directory"));
  }
}

TEST_F(Log, SaysOnceThatTheDiskIsFullAndGoesOn) {
  log::open_file("/dev/full");
  const std::string shown = stderr_of([] {
    for (int line = 0; line < 1000; ++line) log::to_file("a line that does not fit anywhere");
    log::info("still here");
  });
  EXPECT_THAT(shown, ContainsRegex("^warning: the log file misses lines: [^\n]*No space left on "
                                   "device[^\n]*\nstill here\n$"));
}

TEST_F(Log, KeepsWholeLinesFromManyThreads) {
  log::open_file(folder_ / "log.txt");
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([] {
        for (int line = 0; line < 500; ++line) log::to_file("0123456789");
      });
    }
  }
  std::ifstream in(folder_ / "log.txt");
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    ASSERT_TRUE(line.ends_with(" info: 0123456789")) << line;
  }
  EXPECT_EQ(lines, 2000);
}

/// Its tests run in processes of their own, where nothing was logged yet.
class LogOfAProcess : public testing::Test {
 protected:
  LogOfAProcess() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(LogOfAProcess, SurvivesAKill) {
  const fs::path path = fs::temp_directory_path() / "aero-log-of-a-killed-process.txt";
  fs::remove(path);
  EXPECT_EXIT(
      {
        log::open_file(path);
        log::to_file("the last line");
        ::raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
  EXPECT_THAT(get(path), HasSubstr("the last line\n"));
  fs::remove(path);
}

/// What a warning looks like on a terminal, in a fresh process.
std::string warning_on_a_terminal() {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || ::grantpt(terminal) != 0 || ::unlockpt(terminal) != 0) return "no terminal";
  const int end = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  const int old = ::dup(STDERR_FILENO);
  ::dup2(end, STDERR_FILENO);
  log::warn("careful");
  ::dup2(old, STDERR_FILENO);
  std::string shown;
  char part[100];
  while (shown.empty() || shown.back() != '\n') {
    const ssize_t count = ::read(terminal, part, sizeof part);
    if (count <= 0) break;
    shown.append(part, static_cast<std::size_t>(count));
  }
  return shown;
}

TEST_F(LogOfAProcess, UsesColoursOnATerminal) {
  EXPECT_EXIT(
      {
        ::setenv("TERM", "xterm-256color", 1);
        ::unsetenv("NO_COLOR");
        const std::string shown = warning_on_a_terminal();
        const bool coloured = shown.find("\x1b[") != std::string::npos;
        ::_exit(coloured && shown.find("careful") != std::string::npos ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(LogOfAProcess, UsesNoColoursWhenAskedNotTo) {
  EXPECT_EXIT(
      {
        ::setenv("TERM", "xterm-256color", 1);
        ::setenv("NO_COLOR", "1", 1);
        ::_exit(warning_on_a_terminal() == "warning: careful\r\n" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace aero
