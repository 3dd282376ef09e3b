#include "aero/core/files.h"

#include "aero/core/error.h"

#include "tests/support/faults.h"
#include "tests/support/temporary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <random>
#include <thread>

namespace aero {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Files : public testing::Test {
 protected:
  std::vector<std::string> names() const { return names_in(folder_); }

  const TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(Files, WritesAndReadsEveryByteThereIs) {
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 % 251);
  write_file(folder_ / "a.bin", bytes);
  EXPECT_EQ(get(folder_ / "a.bin"), bytes);
  EXPECT_EQ(read_file(folder_ / "a.bin"), bytes);
  write_file(folder_ / "a.bin", "");
  EXPECT_EQ(read_file(folder_ / "a.bin"), "");
  EXPECT_THAT(names(), UnorderedElementsAre("a.bin"));
}

TEST_F(Files, NamesThePathAndTheReasonWhenAFileCannotBeRead) {
  const std::string missing = error_of([&] { read_file(folder_ / "none"); });
  EXPECT_THAT(missing, HasSubstr((folder_ / "none").string()));
  EXPECT_THAT(missing, HasSubstr("No such file or directory"));
  EXPECT_THAT(error_of([&] { read_file(folder_); }), HasSubstr("Is a directory"));
}

TEST_F(Files, NamesThePathAndTheReasonWhenAFileCannotBeWritten) {
  const fs::path path = folder_ / "none" / "a";
  const std::string missing = error_of([&] { write_file(path, "x"); });
  EXPECT_THAT(missing, HasSubstr(path.string()));
  EXPECT_THAT(missing, HasSubstr("No such file or directory"));
  EXPECT_THAT(error_of([&] { write_file(folder_, "x"); }), HasSubstr("Is a directory"));
}

TEST_F(Files, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  put(folder_ / "a", "old");
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = error_of([&] { write_file(folder_ / "a", std::string(2000, 'x')); });
  }
  EXPECT_THAT(message, HasSubstr("File too large"));
  EXPECT_EQ(get(folder_ / "a"), "old");
  EXPECT_THAT(names(), UnorderedElementsAre("a"));
}

TEST_F(Files, WritesDirectlyToADeviceAndReportsThatItIsFull) {
  EXPECT_THAT(error_of([] { write_file("/dev/full", "x"); }), HasSubstr("No space left on device"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(Files, WritesThroughASymbolicLink) {
  put(folder_ / "real", "old");
  fs::create_symlink("real", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(get(folder_ / "real"), "new");
}

TEST_F(Files, AFileThatIsNotCommittedLeavesNoTrace) {
  put(folder_ / "a", "old");
  {
    AtomicFile file(folder_ / "a");
    file.append("new");
  }
  EXPECT_EQ(get(folder_ / "a"), "old");
  EXPECT_THAT(names(), UnorderedElementsAre("a"));
}

TEST_F(Files, AFolderAppearsOnlyWhenItIsCommitted) {
  AtomicFolder folder(folder_ / "step/");
  put(folder.path() / "a", "1");
  fs::create_directory(folder.path() / "inner");
  put(folder.path() / "inner" / "b", "2");
  EXPECT_FALSE(fs::exists(folder_ / "step"));
  EXPECT_TRUE(AtomicFolder::is_leftover(folder.path()));
  EXPECT_EQ(folder.path().filename(), ".step.tmp-" + std::to_string(::getpid()));
  folder.commit();
  EXPECT_EQ(get(folder_ / "step" / "a"), "1");
  EXPECT_EQ(get(folder_ / "step" / "inner" / "b"), "2");
}

TEST_F(Files, AFolderThatIsNotCommittedLeavesNoTrace) {
  {
    AtomicFolder folder(folder_ / "step");
    put(folder.path() / "a", "1");
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, AFolderReplacesTheOneThatWasThere) {
  fs::create_directory(folder_ / "step");
  put(folder_ / "step" / "old", "1");
  {
    AtomicFolder folder(folder_ / "step");
    put(folder.path() / "new", "2");
    folder.commit();
  }
  EXPECT_FALSE(fs::exists(folder_ / "step" / "old"));
  EXPECT_EQ(get(folder_ / "step" / "new"), "2");
  EXPECT_THAT(names(), UnorderedElementsAre("step"));
}

TEST_F(Files, DistinguishesLeftoversFromOtherNames) {
  for (const char* name : {".step-00000100.tmp-1", ".a.tmp-123", ".a.old-9", ".a.tmp-1.tmp-22"}) {
    EXPECT_TRUE(AtomicFolder::is_leftover(fs::path("x") / name)) << name;
  }
  for (const char* name : {"step-00000100", "a.tmp-1", ".tmp-1", ".a.tmp-", ".a.tmp-1x", ".", ""}) {
    EXPECT_FALSE(AtomicFolder::is_leftover(fs::path("x") / name)) << name;
  }
}

TEST_F(Files, RecoveryRemovesWhatWasBegunAndNamesAgainWhatWasPutAside) {
  for (const char* name : {".a.tmp-1", ".b.old-1", ".c.old-1", "c", "d"}) {
    fs::create_directory(folder_ / name);
    put(folder_ / name / "name", name);
  }
  put(folder_ / ".e.json.tmp-7", "half");
  AtomicFolder::recover(folder_);
  EXPECT_THAT(names(), UnorderedElementsAre("b", "c", "d"));
  EXPECT_EQ(get(folder_ / "b" / "name"), ".b.old-1");
  EXPECT_EQ(get(folder_ / "c" / "name"), "c");
}

TEST_F(Files, RemovesAFolderWhole) {
  fs::create_directories(folder_ / "a" / "b");
  put(folder_ / "a" / "b" / "c", "1");
  remove_folder(folder_ / "a");
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_THAT(error_of([&] { remove_folder(folder_ / "a"); }), HasSubstr("No such file"));
}

bool can_exchange_names(const fs::path& folder) {
  fs::create_directory(folder / "x");
  fs::create_directory(folder / "y");
  return ::renameat2(AT_FDCWD, (folder / "x").c_str(), AT_FDCWD, (folder / "y").c_str(),
                     RENAME_EXCHANGE) == 0;
}

TEST_F(Files, AFolderIsNeverMissingWhileItIsReplaced) {
  if (!can_exchange_names(folder_)) GTEST_SKIP() << "this file system cannot exchange two names";
  const fs::path target = folder_ / "step";
  const auto replace = [&] {
    AtomicFolder folder(target);
    put(folder.path() / "a", "1");
    folder.commit();
  };
  replace();
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int round = 0; round < 100; ++round) replace();
    done = true;
  });
  int missing = 0;
  while (!done) missing += ::access(target.c_str(), F_OK) == 0 ? 0 : 1;
  EXPECT_EQ(missing, 0);
}

TEST_F(Files, AKilledWriterLeavesTheOldOrTheNewFolderWhole) {
  const fs::path target = folder_ / "step";
  std::mt19937 random(7);
  int round = 0;
  const auto replace = [&] {
    ++round;
    AtomicFolder folder(target);
    put(folder.path() / "a", std::to_string(round));
    put(folder.path() / "b", std::string(20'000, 'x') + std::to_string(round));
    folder.commit();
  };
  replace();
  for (int kill = 0; kill < 20; ++kill) {
    kill_amid(replace, std::chrono::microseconds(random() % 8'000));
    ASSERT_TRUE(fs::is_directory(target));
    EXPECT_EQ(std::string(20'000, 'x') + get(target / "a"), get(target / "b"));
  }
  AtomicFolder::recover(folder_);
  EXPECT_THAT(names(), UnorderedElementsAre("step"));
}

TEST_F(Files, AKilledWriterLeavesTheOldOrTheNewFileWhole) {
  const fs::path target = folder_ / "a";
  std::mt19937 random(8);
  int round = 0;
  const auto replace = [&] { write_file(target, std::string(50'000, "xyz"[++round % 3])); };
  replace();
  for (int kill = 0; kill < 20; ++kill) {
    kill_amid(replace, std::chrono::microseconds(random() % 8'000));
    const std::string content = get(target);
    ASSERT_EQ(content.size(), 50'000U);
    EXPECT_EQ(content, std::string(50'000, content.front()));
  }
}

/// Lets this process mount a file system that it alone sees.
bool enter_a_mount_namespace() {
  const std::string user = "0 " + std::to_string(::getuid()) + " 1";
  const std::string group = "0 " + std::to_string(::getgid()) + " 1";
  if (::unshare(CLONE_NEWNS) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << user;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/gid_map") << group;
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// What a child found on a file system of 64 KiB: 0 all well, 77 cannot mount one here.
int on_a_tiny_disk(const fs::path& mount_point) {
  if (!enter_a_mount_namespace()) return 77;
  if (::mount("aero", mount_point.c_str(), "tmpfs", 0, "size=64k") != 0) return 77;
  const fs::path file = mount_point / "a";
  const fs::path target = mount_point / "step";
  write_file(file, "old");
  const auto save = [&](std::size_t size) {
    AtomicFolder folder(target);
    write_file(folder.path() / "weights", std::string(size, 'x'));
    write_file(folder.path() / "state", "s");
    folder.commit();
  };
  save(1000);
  const auto is_full = [](auto call) {
    try {
      call();
    } catch (const Error& error) {
      return std::string(error.what()).find("No space left on device") != std::string::npos;
    }
    return false;
  };
  if (!is_full([&] { write_file(file, std::string(100'000, 'x')); })) return 1;
  if (!is_full([&] { save(100'000); })) return 2;
  if (read_file(file) != "old") return 3;
  if (read_file(target / "weights") != std::string(1000, 'x')) return 4;
  if (std::distance(fs::directory_iterator(mount_point), fs::directory_iterator()) != 2) return 5;
  save(2000);
  if (read_file(target / "weights") != std::string(2000, 'x')) return 6;
  return 0;
}

TEST_F(Files, AFullDiskLeavesTheOldFilesAndNothingElse) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      ::_exit(on_a_tiny_disk(folder_));
    } catch (const std::exception&) {
      ::_exit(100);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this machine lets no test mount a file system";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Files, ReadsAnyBytesOfAFileThatWasRemoved) {
  put(folder_ / "a", std::string_view("ab\0cd", 5));
  RandomAccessFile file(folder_ / "a");
  RandomAccessFile moved = std::move(file);
  EXPECT_EQ(moved.size(), 5U);
  EXPECT_EQ(moved.bytes(0, 5), std::string_view("ab\0cd", 5));
  moved = RandomAccessFile(folder_ / "a");
  fs::remove(folder_ / "a");
  EXPECT_EQ(moved.bytes(1, 3), std::string_view("b\0c", 3));
  EXPECT_EQ(moved.bytes(5, 0), "");
}

TEST_F(Files, NamesAFileThatShrinksWhileItIsInUse) {
  put(folder_ / "a", std::string(10'000, 'x'));
  const RandomAccessFile file(folder_ / "a");
  fs::resize_file(folder_ / "a", 4000);
  EXPECT_EQ(file.bytes(3000, 1000), std::string(1000, 'x'));
  EXPECT_THAT(error_of([&] { file.bytes(3000, 1001); }),
              AllOf(HasSubstr((folder_ / "a").string()), HasSubstr("ends at byte 4000"),
                    HasSubstr("had 10000 bytes when it was opened")));
  EXPECT_THAT(error_of([&] { file.bytes(9000, 1); }), HasSubstr("ends at byte 9000"));
}

TEST_F(Files, NamesAFileThatIsWrittenToWhileItIsInUse) {
  put(folder_ / "a", "before");
  const RandomAccessFile file(folder_ / "a");
  EXPECT_EQ(file.bytes(0, 6), "before");
  EXPECT_NO_THROW(file.require_unchanged());
  fs::last_write_time(folder_ / "a", fs::last_write_time(folder_ / "a") + std::chrono::seconds(1));
  EXPECT_THAT(error_of([&] { file.require_unchanged(); }),
              AllOf(HasSubstr((folder_ / "a").string()), HasSubstr("was written to")));
}

TEST_F(Files, OpensNoFolderAndNoDeviceForReadsAtAnyPlace) {
  EXPECT_THAT(error_of([&] { RandomAccessFile{folder_}; }), HasSubstr("Is a directory"));
  EXPECT_THAT(error_of([&] { RandomAccessFile{folder_ / "none"}; }), HasSubstr("No such file"));
  EXPECT_THAT(error_of([&] { RandomAccessFile{"/dev/null"}; }), HasSubstr("not a regular file"));
}

TEST_F(Files, KeepsMoreFilesOpenThanTheSoftLimitLets) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  if (before.rlim_max < 400) GTEST_SKIP() << "the hard limit leaves no room";
  const rlimit few{200, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  put(folder_ / "a", "text");
  std::vector<RandomAccessFile> files;
  for (int i = 0; i < 300; ++i) files.emplace_back(folder_ / "a");
  EXPECT_EQ(files.back().bytes(0, 4), "text");
  files.clear();
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(Files, ReadsBeyondFourGigabytes) {
  constexpr off_t size = 5'000'000'000;
  const int descriptor = ::open((folder_ / "a").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  ASSERT_GE(descriptor, 0);
  const bool written =
      ::ftruncate(descriptor, size) == 0 && ::pwrite(descriptor, "mark", 4, size - 4) == 4;
  ::close(descriptor);
  ASSERT_TRUE(written);
  const RandomAccessFile file(folder_ / "a");
  ASSERT_EQ(file.size(), 5'000'000'000U);
  EXPECT_EQ(file.bytes(4'999'999'995, 5), std::string_view("\0mark", 5));
}

}  // namespace
}  // namespace aero
