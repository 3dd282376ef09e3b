#include "aero/config/loader.h"
#include "aero/train/checkpoint_writer.h"
#include "aero/train/metrics_writer.h"
#include "aero/train/nonfinite_guard.h"
#include "aero/train/open_corpus.h"
#include "aero/train/trainer.h"

#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace aero::train {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace testing_support;

/// Spoils a weight after a step, a number of times.
class Spoils : public Callback {
 public:
  Spoils(std::int64_t step, int times) : step_(step), times_(times) {}
  void on_step(Trainer& trainer, const StepRecord& record) override {
    if (record.step != step_ || times_-- <= 0) return;
    const torch::NoGradGuard no_grad;
    trainer.parameters().front().value.fill_(std::numeric_limits<float>::quiet_NaN());
  }

 private:
  std::int64_t step_;
  int times_;
};

class StopsAt : public Callback {
 public:
  explicit StopsAt(std::int64_t step) : step_(step) {}
  void on_step(Trainer& trainer, const StepRecord& record) override {
    if (record.step == step_ && trainer.rewinds() > 0) trainer.stop(Outcome::interrupted);
  }

 private:
  std::int64_t step_;
};

class RewindTest : public testing::Test {
 protected:
  RewindTest() { write_square_tokens(temporary_.path() / "train.bin"); }

  RunConfig config(const std::vector<Override>& changes = {}) const {
    std::vector<Override> overrides{"model.n_layer=1",
                                    "model.n_head=2",
                                    "model.d_model=16",
                                    "model.context=8",
                                    "model.vocab_size=29",
                                    "train.batch_size=6",
                                    "train.duration=8",
                                    "train.device=cpu",
                                    "train.on_nonfinite=rewind",
                                    "checkpoint.every=2",
                                    "checkpoint.keep_last=9",
                                    "data.format=nanogpt",
                                    "data.path=" + temporary_.path().string()};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    return default_config(overrides);
  }

  checkpoint::RunFolder folder(const std::string& name) const {
    checkpoint::RunFolder folder(temporary_.path() / name);
    folder.prepare();
    return folder;
  }

  static Trainer trainer_for(const RunConfig& config, const checkpoint::RunFolder& folder) {
    Trainer trainer(config, open_corpus(config, "train"));
    trainer.add(std::make_unique<NonfiniteGuard>());
    trainer.add(std::make_unique<MetricsWriter>(folder));
    trainer.add(std::make_unique<CheckpointWriter>(folder));
    return trainer;
  }

  /// Returns the lines of metrics that `keep`.
  template <class Keep>
  static std::vector<json> lines(const checkpoint::RunFolder& folder, Keep keep) {
    std::vector<json> found;
    std::istringstream text(get(folder.metrics_file()));
    for (std::string line; std::getline(text, line);) {
      auto value = json::parse(line);
      if (keep(value)) found.push_back(std::move(value));
    }
    return found;
  }

  static std::vector<std::int64_t> steps(const checkpoint::RunFolder& folder) {
    std::vector<std::int64_t> steps;
    for (const auto& line : lines(folder, [](const json& l) { return !l.contains("event"); })) {
      steps.push_back(line["step"]);
    }
    return steps;
  }

  static std::vector<json> events(const checkpoint::RunFolder& folder, const std::string& name) {
    return lines(folder, [&](const json& l) { return l.value("event", "") == name; });
  }

  static void expect_same_weights(const checkpoint::RunFolder& a, const checkpoint::RunFolder& b) {
    const auto left = checkpoint::load_checkpoint(a.checkpoint(8));
    const auto right = checkpoint::load_checkpoint(b.checkpoint(8));
    for (const auto& [name, tensor] : left.weights) {
      EXPECT_TRUE(torch::equal(tensor, right.weights.at(name))) << name;
    }
    for (const auto& [name, tensor] : left.optimizer) {
      EXPECT_TRUE(torch::equal(tensor, right.optimizer.at(name))) << name;
    }
  }

  TemporaryFolder temporary_;
};

TEST_F(RewindTest, GoesBackToTheLastCheckpointAndOnWithTheDataThatFollow) {
  const auto run = folder("run");
  auto trainer = trainer_for(config(), run);
  trainer.add(std::make_unique<Spoils>(5, 1));
  EXPECT_EQ(trainer.run(), Outcome::finished);
  EXPECT_EQ(trainer.rewinds(), 1);

  // The same by hand: from the checkpoint of step 4, with the data after those of step 6.
  auto saved = checkpoint::load_checkpoint(run.checkpoint(4));
  EXPECT_EQ(saved.state.samples_seen, 4 * 6);
  saved.state.samples_seen = 6 * 6;
  const auto by_hand = folder("by hand");
  auto other = trainer_for(config(), by_hand);
  other.restore(saved);
  EXPECT_EQ(other.run(), Outcome::finished);
  expect_same_weights(run, by_hand);

  EXPECT_THAT(steps(run), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(events(run, "nonfinite"), IsEmpty());
  const auto rewinds = events(run, "rewind");
  ASSERT_EQ(rewinds.size(), 1);
  EXPECT_EQ(rewinds[0]["step"], 4);
  EXPECT_EQ(rewinds[0]["from"], 6);
  EXPECT_EQ(rewinds[0]["samples"], 36);
  EXPECT_EQ(rewinds[0]["quantity"], "loss");
  EXPECT_EQ(rewinds[0]["layer"], "tokens");
}

TEST_F(RewindTest, StopsAfterSoManyTimes) {
  const auto run = folder("run");
  auto trainer = trainer_for(config({"train.rewinds=2"}), run);
  trainer.add(std::make_unique<Spoils>(5, 9));
  EXPECT_EQ(trainer.run(), Outcome::nonfinite);
  EXPECT_EQ(trainer.rewinds(), 2);
  EXPECT_EQ(events(run, "rewind").size(), 2);
  const auto last = events(run, "nonfinite");
  ASSERT_EQ(last.size(), 1);
  EXPECT_EQ(last[0]["step"], 6);
  EXPECT_EQ(last[0]["action"], "stop");
}

TEST_F(RewindTest, StopsWhereNoCheckpointIsSaved) {
  const auto run = folder("run");
  auto trainer = trainer_for(config(), run);
  trainer.add(std::make_unique<Spoils>(1, 1));
  EXPECT_EQ(trainer.run(), Outcome::nonfinite);
  EXPECT_EQ(trainer.rewinds(), 0);
}

TEST_F(RewindTest, DoesNotGoForwardToACheckpointOfAnotherCourse) {
  const auto run = folder("run");
  EXPECT_EQ(trainer_for(config(), run).run(), Outcome::finished);
  auto again = trainer_for(config(), run);
  again.restore(checkpoint::load_checkpoint(run.checkpoint(4)));
  again.add(std::make_unique<Spoils>(5, 1));
  EXPECT_EQ(again.run(), Outcome::nonfinite);
  EXPECT_EQ(again.step(), 5);
}

TEST_F(RewindTest, ARunThatWentBackResumesWithTheSameBits) {
  const auto whole = folder("whole");
  auto undisturbed = trainer_for(config(), whole);
  undisturbed.add(std::make_unique<Spoils>(5, 1));
  EXPECT_EQ(undisturbed.run(), Outcome::finished);

  const auto run = folder("run");
  auto first = trainer_for(config(), run);
  first.add(std::make_unique<Spoils>(5, 1));
  first.add(std::make_unique<StopsAt>(7));
  EXPECT_EQ(first.run(), Outcome::interrupted);
  auto second = trainer_for(config(), run);
  second.restore(checkpoint::load_checkpoint(run.checkpoint(7)));
  EXPECT_EQ(second.rewinds(), 1);
  EXPECT_EQ(second.run(), Outcome::finished);
  expect_same_weights(run, whole);
  EXPECT_THAT(steps(run), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(events(run, "rewind").size(), 1);

  // From before, it goes back again: the return that the checkpoint does not know of is taken out.
  for (const int step : {6, 7, 8}) std::filesystem::remove_all(run.checkpoint(step));
  auto third = trainer_for(config(), run);
  third.restore(checkpoint::load_checkpoint(run.checkpoint(4)));
  EXPECT_EQ(third.rewinds(), 0);
  third.add(std::make_unique<Spoils>(5, 1));
  EXPECT_EQ(third.run(), Outcome::finished);
  expect_same_weights(run, whole);
  EXPECT_THAT(steps(run), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(events(run, "rewind").size(), 1);
}

}  // namespace
}  // namespace aero::train
