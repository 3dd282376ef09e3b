#include "aero/train/checkpoint_saver.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/train/checkpoint_writer.h"
#include "aero/train/open_corpus.h"
#include "aero/train/trainer.h"

#include "tests/support/faults.h"
#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace aero::train {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Every number in it follows from its step.
checkpoint::Checkpoint state_at(std::int64_t step) {
  checkpoint::Checkpoint result;
  result.weights["wte.weight"] = torch::full({300, 20}, static_cast<double>(step));
  result.optimizer["exp_avg.wte.weight"] = torch::full({300, 20}, static_cast<double>(step) / 2);
  result.state.step = step;
  return result;
}

/// A file of metrics on which a save waits, as it is a pipe with no writer.
class Gate {
 public:
  explicit Gate(fs::path file) : file_(std::move(file)) { ::mkfifo(file_.c_str(), 0600); }
  /// Lets the save go on, and later ones not wait.
  void open() {
    std::ofstream writer(file_);
    fs::remove(file_);
    put(file_, "");
  }

 private:
  fs::path file_;
};

class CheckpointSaverTest : public testing::Test {
 protected:
  CheckpointSaverTest() { folder_.prepare(); }

  CheckpointSaver::Order order(std::int64_t step, bool is_best = false) const {
    return {state_at(step), config_, is_best};
  }

  TemporaryFolder temporary_;
  RunConfig config_ = default_config({"checkpoint.keep_last=1"});
  checkpoint::RunFolder folder_{temporary_.path() / "run"};
  CheckpointSaver saver_{folder_};
};

TEST_F(CheckpointSaverTest, SavesTheStateAsItWasWhenItWasOrdered) {
  Gate gate(folder_.metrics_file());
  const auto given = order(3, /*is_best=*/true);
  saver_.save_beside(given);
  EXPECT_TRUE(saver_.is_saving());
  EXPECT_FALSE(saver_.is_done());
  EXPECT_THAT(folder_.steps(), IsEmpty());
  saver_.release();
  given.state.weights.at("wte.weight").fill_(7);
  given.state.optimizer.at("exp_avg.wte.weight").fill_(7);
  gate.open();

  const auto report = saver_.report();
  EXPECT_EQ(report.step, 3);
  EXPECT_EQ(report.copied_bytes, 2 * 300 * 20 * sizeof(float));
  EXPECT_FALSE(saver_.is_saving());
  const auto saved = checkpoint::load_checkpoint(folder_.checkpoint(3));
  EXPECT_TRUE(torch::equal(saved.weights.at("wte.weight"), state_at(3).weights.at("wte.weight")));
  EXPECT_TRUE(torch::equal(saved.optimizer.at("exp_avg.wte.weight"),
                           state_at(3).optimizer.at("exp_avg.wte.weight")));
  EXPECT_EQ(folder_.best(), folder_.checkpoint(3));
}

TEST_F(CheckpointSaverTest, CopiesNothingThatIsWrittenInTime) {
  saver_.save_beside(order(3));
  while (!saver_.is_done()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  saver_.release();
  EXPECT_EQ(saver_.report().copied_bytes, 0);
  EXPECT_THAT(folder_.steps(), ElementsAre(3));
}

TEST_F(CheckpointSaverTest, KeepsTheLastAndTheBest) {
  for (const std::int64_t step : {1, 2, 3, 4}) {
    saver_.save_beside(order(step, step == 2));
    saver_.report();
  }
  EXPECT_THAT(folder_.steps(), ElementsAre(2, 4));
}

TEST_F(CheckpointSaverTest, ReportsAFaultOnceItIsAsked) {
  saver_.save(order(1));
  const auto checkpoints = folder_.checkpoints();
  fs::rename(checkpoints, temporary_.path() / "elsewhere");
  put(checkpoints, "in the way");
  saver_.save_beside(order(2));
  EXPECT_THAT(error_of([&] { saver_.report(); }), HasSubstr("step-00000002"));
  EXPECT_FALSE(saver_.is_saving());

  fs::remove(checkpoints);
  fs::rename(temporary_.path() / "elsewhere", checkpoints);
  EXPECT_THAT(folder_.steps(), ElementsAre(1));
  saver_.save_beside(order(2));
  EXPECT_EQ(saver_.report().step, 2);
  EXPECT_THAT(folder_.steps(), ElementsAre(2));
}

TEST_F(CheckpointSaverTest, MarksTheBestLaterWhereThatFails) {
  const auto mark = folder_.checkpoints() / "best";
  fs::create_directories(mark / "in the way");
  saver_.save_beside(order(1, /*is_best=*/true));
  EXPECT_THAT(saver_.report().warnings, ElementsAre(HasSubstr(mark.string())));
  EXPECT_THAT(saver_.mark_best(), HasSubstr(mark.string()));
  // It stays, though it is neither the last nor marked.
  saver_.save_beside(order(2));
  EXPECT_THAT(saver_.report().warnings, ElementsAre(HasSubstr(mark.string())));
  EXPECT_THAT(folder_.steps(), ElementsAre(1, 2));

  fs::remove_all(mark);
  EXPECT_EQ(saver_.mark_best(), "");
  EXPECT_EQ(folder_.best(), folder_.checkpoint(1));
}

/// The address space of this process, in bytes.
std::uint64_t address_space() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(CheckpointSaverTest, WaitsForTheSaveWhereMemoryDoesNotSufficeForACopy) {
  auto given = order(5);
  given.state.weights["large"] = torch::ones({64, 1 << 20});
  Gate gate(folder_.metrics_file());
  saver_.save_beside(given);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  std::thread opener([&gate] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    gate.open();
  });
  const rlimit tight{address_space() + (std::uint64_t{128} << 20), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0);
  saver_.release();
  ::setrlimit(RLIMIT_AS, &before);
  opener.join();

  given.state.weights.at("large").zero_();
  EXPECT_EQ(saver_.report().copied_bytes, 0);
  const auto saved = checkpoint::load_weights(folder_.checkpoint(5)).at("large");
  EXPECT_TRUE(saved.eq(1).all().item<bool>());
}

/// Opens a gate at a step, where no checkpoint may be on the disk yet.
class OpensAt : public Callback {
 public:
  OpensAt(std::int64_t step, Gate& gate, const checkpoint::RunFolder& folder)
      : step_(step), gate_(gate), folder_(folder) {}
  void on_step(Trainer&, const StepRecord& record) override {
    if (record.step != step_) return;
    EXPECT_THAT(folder_.steps(), IsEmpty());
    gate_.open();
  }

 private:
  std::int64_t step_;
  Gate& gate_;
  const checkpoint::RunFolder& folder_;
};

/// A model whose forward pass changes tensors, too: those of spectral norms and of fixed norms.
RunConfig training_config(const fs::path& corpus, const std::vector<Override>& changes) {
  std::vector<Override> overrides{"model.n_layer=2",       "model.n_head=2",
                                  "model.d_model=16",      "model.context=8",
                                  "model.vocab_size=29",   "model.ffn_form=spectral_norm",
                                  "train.batch_size=6",    "model.norm=layernorm_fixed",
                                  "train.duration=6",      "train.device=cpu",
                                  "data.format=nanogpt",   "data.path=" + corpus.string(),
                                  "checkpoint.keep_last=9"};
  overrides.insert(overrides.end(), changes.begin(), changes.end());
  return default_config(overrides);
}

void train_in(const checkpoint::RunFolder& folder, const RunConfig& config,
              std::unique_ptr<Callback> first = std::make_unique<Callback>()) {
  folder.prepare();
  Trainer trainer(config, open_corpus(config, "train"));
  trainer.add(std::move(first));
  trainer.add(std::make_unique<CheckpointWriter>(folder));
  EXPECT_EQ(trainer.run(), Outcome::finished);
}

void expect_same_checkpoints(const checkpoint::RunFolder& a, const checkpoint::RunFolder& b) {
  EXPECT_EQ(a.steps(), b.steps());
  for (const auto step : a.steps()) {
    for (const auto* const name : {"weights.safetensors", "optimizer.safetensors"}) {
      EXPECT_EQ(get(a.checkpoint(step) / name), get(b.checkpoint(step) / name)) << step << name;
    }
  }
}

class TrainingBesideSaves : public CheckpointSaverTest {
 protected:
  TrainingBesideSaves() { write_square_tokens(temporary_.path() / "train.bin"); }

  RunConfig config(const std::string& every, const std::string& background) const {
    return training_config(temporary_.path(),
                           {"checkpoint.every=" + every, "checkpoint.background=" + background});
  }

  checkpoint::RunFolder waiting_{temporary_.path() / "waiting"};
};

TEST_F(TrainingBesideSaves, LeavesTheStateThatIsBeingSaved) {
  Gate gate(folder_.metrics_file());
  train_in(folder_, config("2", "true"), std::make_unique<OpensAt>(3, gate, folder_));
  EXPECT_THAT(folder_.steps(), ElementsAre(2, 4, 6));
  train_in(waiting_, config("2", "false"));
  expect_same_checkpoints(folder_, waiting_);
}

TEST_F(TrainingBesideSaves, MaySaveAtEachStep) {
  train_in(folder_, config("1", "true"));
  EXPECT_THAT(folder_.steps(), ElementsAre(1, 2, 3, 4, 5, 6));
  train_in(waiting_, config("1", "false"));
  expect_same_checkpoints(folder_, waiting_);
}

}  // namespace
}  // namespace aero::train
