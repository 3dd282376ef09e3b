#include "aero/core/file_lock.h"

#include "aero/core/error.h"

#include "tests/support/temporary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>

namespace aero {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_support::put;
using testing_support::TemporaryFolder;

/// A process that runs `work`, says so through a pipe, and lives until it is killed.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<void()>& work) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      work();
      const bool written = ::write(ends[1], "x", 1) == 1;
      while (written) ::pause();
      ::_exit(1);
    }
    ::close(ends[1]);
    char ready = 0;
    EXPECT_EQ(::read(ends[0], &ready, 1), 1);
    ::close(ends[0]);
  }
  ~OtherProcess() { kill(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  pid_t pid() const { return pid_; }

  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

class FolderLock : public ::testing::Test {
 protected:
  std::string refusal() const {
    try {
      const auto lock = lock_folder(folder_.path());
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
};

TEST_F(FolderLock, ASecondProcessIsRefusedWithTheNameOfTheFirst) {
  OtherProcess other([this] { static const auto lock = lock_folder(folder_.path()); });
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr(folder_.path().string()),
                    HasSubstr("process " + std::to_string(other.pid()) + " on host " + host.data()),
                    HasSubstr("name another folder")));
}

TEST_F(FolderLock, TheLockOfADeadProcessIsStale) {
  OtherProcess other([this] { static const auto lock = lock_folder(folder_.path()); });
  other.kill();
  EXPECT_EQ(refusal(), "");
}

TEST_F(FolderLock, WhatIsWrittenInTheFileIsNoLock) {
  put(folder_.path() / "lock", std::to_string(::getppid()) + " ? elsewhere\n");
  EXPECT_EQ(refusal(), "");
}

TEST_F(FolderLock, AHandedOverLockCountsAndOneOfAnotherFileDoesNot) {
  auto held = FileLock::attempt(folder_.path() / "lock");
  ASSERT_TRUE(held);
  ::setenv("AERO_LOCK_FD", std::to_string(::dup(held->descriptor())).c_str(), 1);
  EXPECT_EQ(refusal(), "");

  put(folder_.path() / "other", "");
  const int other = ::open((folder_.path() / "other").c_str(), O_RDWR);
  ::setenv("AERO_LOCK_FD", std::to_string(other).c_str(), 1);
  EXPECT_THAT(refusal(), HasSubstr("works in this folder"));
  ::setenv("AERO_LOCK_FD", "no number", 1);
  EXPECT_THAT(refusal(), HasSubstr("works in this folder"));
  ::unsetenv("AERO_LOCK_FD");
  ::close(other);
}

TEST_F(FolderLock, IsLostWhereItsFolderIsMovedOrReplaced) {
  const auto folder = folder_.path() / "run";
  std::filesystem::create_directory(folder);
  const auto lock = lock_folder(folder);
  EXPECT_TRUE(lock.is_on(folder / "lock"));
  std::filesystem::rename(folder, folder_.path() / "moved");
  EXPECT_FALSE(lock.is_on(folder / "lock"));
  std::filesystem::create_directory(folder);
  EXPECT_FALSE(lock.is_on(folder / "lock")) << "another folder without a lock";
  const auto next = lock_folder(folder);
  EXPECT_FALSE(lock.is_on(folder / "lock"));
  EXPECT_TRUE(next.is_on(folder / "lock"));
  std::filesystem::remove(folder / "lock");
  EXPECT_TRUE(next.is_on(folder / "lock")) << "the folder is still its own";
}

TEST_F(FolderLock, AFolderThatCannotBeWrittenIsNamed) {
  try {
    lock_folder(folder_.path() / "missing");
    FAIL() << "no fault";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr((folder_.path() / "missing/lock").string()));
  }
}

}  // namespace
}  // namespace aero
