#include "aero/train/resume_point.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/runs/layout.h"

#include "tests/support/faults.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace aero::train {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ResumePointTest : public testing::Test {
 protected:
  ResumePointTest() {
    folder_.prepare();
    for (const std::int64_t step : {10, 20, 30}) {
      checkpoint::Checkpoint checkpoint;
      checkpoint.weights["w"] = torch::full({50}, static_cast<double>(step));
      checkpoint.optimizer["exp_avg.w"] = torch::full({50}, static_cast<double>(step) / 2);
      checkpoint.state.step = step;
      checkpoint.state.samples_seen = 4 * step;
      checkpoint.state.data_fingerprint = "abc";
      folder_.save(checkpoint, config_);
    }
  }

  fs::path file(std::int64_t step, const std::string& name) const {
    return folder_.checkpoint(step) / name;
  }

  /// Expects that the run goes on from step 20, since `file` of step 30 is damaged.
  void expect_fallback(const fs::path& file, const std::string& how) const {
    const auto point = find_resume_point(folder_, config_);
    ASSERT_EQ(point.step, 20) << file << ": " << how;
    ASSERT_EQ(point.checkpoint->weights.at("w")[0].item<double>(), 20);
    ASSERT_EQ(point.damaged.size(), 1);
    EXPECT_EQ(point.damaged.front().step, 30);
    EXPECT_THAT(point.damaged.front().fault, HasSubstr(file.string()));
  }

  TemporaryFolder temporary_;
  RunConfig config_ = default_config({"train.batch_size=7"});
  checkpoint::RunFolder folder_{temporary_.path() / "run"};
};

TEST_F(ResumePointTest, IsTheLastCheckpoint) {
  const auto point = find_resume_point(folder_, config_);
  EXPECT_EQ(point.step, 30);
  EXPECT_EQ(point.checkpoint->state.samples_seen, 120);
  EXPECT_THAT(point.damaged, IsEmpty());
}

TEST_F(ResumePointTest, IsTheBeginningWhereThereIsNoCheckpoint) {
  const checkpoint::RunFolder empty(temporary_.path() / "empty");
  const auto point = find_resume_point(empty, config_);
  EXPECT_FALSE(point.checkpoint.has_value());
  EXPECT_EQ(point.step, 0);
}

TEST_F(ResumePointTest, IsTheOneBeforeWhereABitOfAnyByteOfAFileIsFlipped) {
  for (const auto* const name : runs::checkpoint_files) {
    const auto path = file(30, name);
    const auto whole = get(path);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      auto damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      put(path, damaged);
      expect_fallback(path, "byte " + std::to_string(at));
    }
    put(path, whole);
  }
  EXPECT_EQ(find_resume_point(folder_, config_).step, 30);
}

TEST_F(ResumePointTest, IsTheOneBeforeWhereAFileIsCut) {
  for (const auto* const name : runs::checkpoint_files) {
    const auto path = file(30, name);
    const auto whole = get(path);
    for (const std::size_t kept : {std::size_t{0}, whole.size() / 2, whole.size() - 2}) {
      put(path, whole.substr(0, kept));
      expect_fallback(path, "cut at " + std::to_string(kept));
    }
    put(path, whole);
  }
}

TEST_F(ResumePointTest, IsTheOneBeforeWhereAFileIsMissing) {
  fs::remove(file(30, "optimizer.safetensors"));
  const auto point = find_resume_point(folder_, config_);
  EXPECT_EQ(point.step, 20);
  ASSERT_EQ(point.damaged.size(), 1);
  EXPECT_THAT(point.damaged.front().fault, HasSubstr("step-00000030' lacks optimizer.safetensors"));
}

TEST_F(ResumePointTest, IsTheOneBeforeWhereAFileIsOfAnotherCheckpoint) {
  for (const auto* const name : {"weights.safetensors", "optimizer.safetensors"}) {
    const auto whole = get(file(30, name));
    put(file(30, name), get(file(10, name)));
    expect_fallback(file(30, name), "exchanged");
    put(file(30, name), whole);
  }
}

TEST_F(ResumePointTest, KeepsWhatIsDamagedUnderAnotherName) {
  put(file(30, "state.json"), "{");
  put(file(20, "weights.safetensors"), "{");
  const auto point = find_resume_point(folder_, config_);
  EXPECT_EQ(point.step, 10);
  set_aside(point, folder_);
  EXPECT_THAT(names_in(folder_.checkpoints()),
              ElementsAre("damaged-step-00000020", "damaged-step-00000030", "step-00000010"));
  EXPECT_EQ(get(folder_.checkpoints() / "damaged-step-00000030/state.json"), "{");
  EXPECT_THAT(find_resume_point(folder_, config_).damaged, IsEmpty());

  // A later one of the same step takes its place.
  fs::rename(folder_.checkpoint(10), folder_.checkpoint(30));
  folder_.set_aside(30);
  EXPECT_THAT(names_in(folder_.checkpoints()),
              ElementsAre("damaged-step-00000020", "damaged-step-00000030"));
  EXPECT_NE(get(folder_.checkpoints() / "damaged-step-00000030/state.json"), "{");
}

TEST_F(ResumePointTest, IsNoneWhereAllAreDamaged) {
  for (const std::int64_t step : {10, 20, 30}) put(file(step, "weights.safetensors"), "{");
  const auto fault = error_of([&] { find_resume_point(folder_, config_); });
  EXPECT_THAT(fault, HasSubstr(file(30, "weights.safetensors").string()));
  EXPECT_THAT(fault, HasSubstr("has no checkpoint that is whole"));
}

TEST_F(ResumePointTest, IsNotAnEarlierOneWhereTheRunIsAnother) {
  auto other = config_;
  other.seed = config_.seed + 1;
  EXPECT_THROW(find_resume_point(folder_, other), UsageError);
}

/// Takes on the rights of a user who may not read what others keep to themselves.
class Unprivileged {
 public:
  Unprivileged() : changed_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  ~Unprivileged() {
    if (changed_ && ::seteuid(0) != 0) std::abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool changed_;
};

TEST_F(ResumePointTest, IsNotAnEarlierOneWhereAFileMayNotBeRead) {
  fs::permissions(temporary_.path(), fs::perms{0755});
  fs::permissions(file(30, "weights.safetensors"), fs::perms::none);
  const Unprivileged user;
  EXPECT_THAT(error_of([&] { find_resume_point(folder_, config_); }),
              HasSubstr(file(30, "weights.safetensors").string() + "': Permission denied"));
}

}  // namespace
}  // namespace aero::train
