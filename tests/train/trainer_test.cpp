#include "aero/train/trainer.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/train/checkpoint_writer.h"
#include "aero/train/load_weights.h"
#include "aero/train/nonfinite_guard.h"
#include "aero/train/open_corpus.h"

#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace aero::train {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() { testing_support::write_square_tokens(folder_.path() / "train.bin"); }

  RunConfig config(const std::vector<Override>& changes = {}) const {
    std::vector<Override> overrides{"model.n_layer=1",     "model.n_head=2",
                                    "model.d_model=16",    "model.context=8",
                                    "model.vocab_size=29", "train.batch_size=6",
                                    "train.duration=4",    "train.device=cpu",
                                    "data.format=nanogpt", "data.path=" + folder_.path().string()};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    return default_config(overrides);
  }

  static Trainer trainer_for(const RunConfig& config) {
    return Trainer(config, open_corpus(config, "train"));
  }

  testing_support::TemporaryFolder folder_;
};

/// Records the calls that it gets.
class Recorder : public Callback {
 public:
  struct Log {
    std::vector<StepRecord> steps;
    std::vector<NonfiniteEvent> events;
    int finishes = 0;
  };
  explicit Recorder(Log& log) : log_(log) {}
  void on_step(Trainer&, const StepRecord& record) override { log_.steps.push_back(record); }
  void on_nonfinite(Trainer&, const NonfiniteEvent& event) override {
    log_.events.push_back(event);
  }
  void on_finish(Trainer&, Outcome) override { ++log_.finishes; }

 private:
  Log& log_;
};

class FailsAtTheEnd : public Callback {
 public:
  void on_finish(Trainer&, Outcome) override { throw Error("no room"); }
};

class StopsAfterTwo : public Callback {
 public:
  void on_step(Trainer& trainer, const StepRecord& record) override {
    if (record.step == 2) trainer.stop(Outcome::interrupted);
  }
};

/// Makes one weight of a layer NaN before the second step.
class Poisons : public Callback {
 public:
  explicit Poisons(std::string name) : name_(std::move(name)) {}
  void on_step(Trainer& trainer, const StepRecord&) override {
    const torch::NoGradGuard no_grad;
    for (const auto& [name, parameter, kind] : trainer.parameters()) {
      if (name == name_) parameter.view(-1)[0] = std::numeric_limits<float>::quiet_NaN();
    }
  }

 private:
  std::string name_;
};

TEST_F(TrainerTest, OneThatFailsAtTheEndDoesNotKeepTheOthersFromTheirWork) {
  auto trainer = trainer_for(config());
  Recorder::Log log;
  trainer.add(std::make_unique<FailsAtTheEnd>());
  trainer.add(std::make_unique<Recorder>(log));
  EXPECT_THROW(trainer.run(), Error);
  EXPECT_EQ(log.finishes, 1);
}

TEST_F(TrainerTest, StopsAfterTheStepInWhichItWasAsked) {
  auto trainer = trainer_for(config());
  trainer.add(std::make_unique<StopsAfterTwo>());
  EXPECT_EQ(trainer.run(), Outcome::interrupted);
  EXPECT_EQ(trainer.step(), 2);
  EXPECT_EQ(trainer.state().state.samples_seen, 12);
}

/// Writes down the gate of layer 0's first norm as a checkpoint would hold it.
class WatchesTheGate : public Callback {
 public:
  explicit WatchesTheGate(std::vector<double>& gates) : gates_(gates) {}
  void on_step(Trainer& trainer, const StepRecord&) override {
    gates_.push_back(trainer.state().weights.at("blocks.0.norm1.gate").item<double>());
  }

 private:
  std::vector<double>& gates_;
};

TEST_F(TrainerTest, TakesFixedNormsThroughTheirPassage) {
  auto trainer = trainer_for(config(
      {"model.architecture=SM+LNf+G", "model.norm_fixed.start=0.25", "model.norm_fixed.end=0.75"}));
  std::vector<double> gates;
  trainer.add(std::make_unique<WatchesTheGate>(gates));
  EXPECT_EQ(trainer.run(), Outcome::finished);
  EXPECT_EQ(gates, (std::vector<double>{1, 0.5, 0, 0}));
  EXPECT_GT(trainer.state().weights.at("blocks.0.norm1.sigma").item<double>(), 0);
}

TEST_F(TrainerTest, DividesTheLossRightlyHoweverABatchIsSplit) {
  std::vector<std::vector<StepRecord>> runs;
  for (const auto& [batch, accumulation] : {std::pair{6, 1}, {2, 3}, {1, 6}}) {
    const auto split = config({"train.batch_size=" + std::to_string(batch),
                               "train.accumulation=" + std::to_string(accumulation)});
    auto trainer = trainer_for(split);
    Recorder::Log log;
    trainer.add(std::make_unique<Recorder>(log));
    trainer.run();
    runs.push_back(log.steps);
  }
  for (std::size_t step = 0; step < 4; ++step) {
    for (const auto& run : runs) {
      EXPECT_NEAR(run[step].loss, runs[0][step].loss, 2e-6 * runs[0][step].loss);
      EXPECT_NEAR(run[step].grad_norm, runs[0][step].grad_norm, 1e-4 * runs[0][step].grad_norm);
    }
  }
}

TEST_F(TrainerTest, RecordsThePenaltyApartFromTheLoss) {
  const auto run = config({"model.architecture=EReg(SM+ScFuFFN)", "model.ereg.lambda=10",
                           "model.ereg.gamma=0.1", "train.duration=1"});
  auto trainer = trainer_for(run);
  auto untrained = model::Decoder(run.model);
  load_weights(*untrained, trainer.state().weights);
  Recorder::Log log;
  trainer.add(std::make_unique<Recorder>(log));
  trainer.run();
  const torch::NoGradGuard no_grad;
  const auto& batch = trainer.last_batch();
  std::vector<torch::Tensor> entropy;
  untrained->hidden(batch.inputs, &entropy);
  double penalty = 0;
  for (std::int64_t head = 0; head < 2; ++head) {
    const double deviation = entropy[0].select(1, head).mean().item<double>() - 0.5 * std::log(8.0);
    if (std::abs(deviation) > 0.1 * std::log(8.0)) penalty += 10 * deviation * deviation / 2;
  }
  ASSERT_GT(penalty, 0);
  EXPECT_NEAR(log.steps[0].penalty.value(), penalty, 1e-5 * penalty);
  EXPECT_NEAR(log.steps[0].loss, untrained->loss(batch.inputs, batch.targets).item<double>(), 1e-5);
}

TEST_F(TrainerTest, AnEvaluationHasNoPenaltyInIt) {
  const auto run = config({"model.architecture=EReg(SM+ScFuFFN)", "model.ereg.lambda=1000"});
  auto bare = run;
  bare.model.ereg.enabled = false;
  auto trainer = trainer_for(run);
  model::Decoder without(bare.model);
  auto weights = trainer.state().weights;
  weights.erase("thresholds");
  load_weights(*without, weights);
  const auto corpus = open_corpus(run, "train");
  EXPECT_EQ(evaluate(trainer.decoder(), corpus, {})->loss, evaluate(without, corpus, {})->loss);
}

TEST_F(TrainerTest, StopsWhereThePenaltyAloneIsNotFinite) {
  auto trainer = trainer_for(config({"model.architecture=EReg(SM+ScFuFFN)"}));
  Recorder::Log log;
  trainer.add(std::make_unique<NonfiniteGuard>());
  trainer.add(std::make_unique<Recorder>(log));
  trainer.add(std::make_unique<Poisons>("thresholds"));
  EXPECT_EQ(trainer.run(), Outcome::nonfinite);
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].quantity, "penalty");
  EXPECT_EQ(log.events[0].parameter, "thresholds");
}

TEST_F(TrainerTest, StopsBeforeTheStepThatWouldSpreadANan) {
  auto trainer = trainer_for(config());
  Recorder::Log log;
  trainer.add(std::make_unique<NonfiniteGuard>());
  trainer.add(std::make_unique<Recorder>(log));
  trainer.add(std::make_unique<Poisons>("blocks.0.ffn.w_in.weight"));
  EXPECT_EQ(trainer.run(), Outcome::nonfinite);
  EXPECT_EQ(trainer.step(), 1);
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].step, 2);
  EXPECT_EQ(log.events[0].quantity, "loss");
  EXPECT_EQ(log.events[0].layer, "blocks.0");
  EXPECT_EQ(log.events[0].parameter, "blocks.0.ffn.w_in.weight");
  EXPECT_EQ(log.events[0].action, "stop");
}

TEST_F(TrainerTest, InFloat16TakesANanForNoOverflow) {
  auto trainer = trainer_for(config({"train.dtype=float16"}));
  Recorder::Log log;
  trainer.add(std::make_unique<NonfiniteGuard>());
  trainer.add(std::make_unique<Recorder>(log));
  trainer.add(std::make_unique<Poisons>("blocks.0.ffn.w_in.weight"));
  EXPECT_EQ(trainer.run(), Outcome::nonfinite);
  ASSERT_EQ(log.events.size(), 1U);
  EXPECT_EQ(log.events[0].step, 2);
}

TEST_F(TrainerTest, SkipsTheStepAndLeavesTheOtherWeightsAlone) {
  auto trainer = trainer_for(config({"train.on_nonfinite=skip"}));
  Recorder::Log log;
  trainer.add(std::make_unique<NonfiniteGuard>());
  trainer.add(std::make_unique<Recorder>(log));
  trainer.add(std::make_unique<Poisons>("tokens.weight"));
  EXPECT_EQ(trainer.run(), Outcome::finished);
  ASSERT_EQ(log.steps.size(), 4U);
  EXPECT_TRUE(log.steps[0].updated);
  for (std::size_t step = 1; step < 4; ++step) EXPECT_FALSE(log.steps[step].updated);
  EXPECT_EQ(log.events[0].layer, "tokens");
}

/// Throws at the start, or in the step that is named.
class Fails : public Callback {
 public:
  explicit Fails(std::int64_t step) : step_(step) {}
  void on_start(Trainer&) override { fail_at(0); }
  Verdict before_update(Trainer&, const StepRecord& record) override {
    fail_at(-record.step);
    return Verdict::update;
  }
  void on_step(Trainer&, const StepRecord& record) override { fail_at(record.step); }

 private:
  void fail_at(std::int64_t step) const {
    if (step == step_) throw std::runtime_error("broken");
  }
  std::int64_t step_;
};

class RemembersItsEnd : public Callback {
 public:
  explicit RemembersItsEnd(std::vector<std::string>& calls) : calls_(calls) {}
  void on_start(Trainer&) override { calls_.emplace_back("start"); }
  void on_finish(Trainer&, Outcome outcome) override { calls_.push_back(name(outcome)); }
  void after_finish(Trainer&, Outcome outcome) override {
    calls_.push_back("after " + name(outcome));
  }

 private:
  std::vector<std::string>& calls_;
};

TEST_F(TrainerTest, AnExceptionSavesTheLastStateAndEndsEveryCallback) {
  // After the second step, and before the update of the third: both leave the state of step 2.
  for (const std::int64_t step : {2, -3}) {
    const checkpoint::RunFolder folder(folder_.path() / ("run" + std::to_string(step)));
    folder.prepare();
    auto trainer = trainer_for(config());
    std::vector<std::string> calls;
    trainer.add(std::make_unique<RemembersItsEnd>(calls));
    trainer.add(std::make_unique<Fails>(step));
    trainer.add(std::make_unique<CheckpointWriter>(folder));
    trainer.add(std::make_unique<RemembersItsEnd>(calls));
    EXPECT_THROW(trainer.run(), std::runtime_error);
    EXPECT_THAT(calls,
                ElementsAre("start", "start", "failed", "failed", "after failed", "after failed"));
    EXPECT_THAT(folder.steps(), ElementsAre(2));
  }
}

TEST_F(TrainerTest, ARunThatFailsAtItsStartEndsWhatHadStartedAndSavesNothing) {
  const checkpoint::RunFolder folder(folder_.path() / "run");
  folder.prepare();
  auto trainer = trainer_for(config());
  std::vector<std::string> calls;
  trainer.add(std::make_unique<CheckpointWriter>(folder));
  trainer.add(std::make_unique<RemembersItsEnd>(calls));
  trainer.add(std::make_unique<Fails>(0));
  trainer.add(std::make_unique<RemembersItsEnd>(calls));
  EXPECT_THROW(trainer.run(), std::runtime_error);
  EXPECT_THAT(calls, ElementsAre("start", "failed", "after failed"));
  EXPECT_THAT(folder.steps(), IsEmpty());
}

TEST_F(TrainerTest, NothingIsFinishedWhereACallbackCouldNotFinish) {
  auto trainer = trainer_for(config());
  std::vector<std::string> calls;
  trainer.add(std::make_unique<FailsAtTheEnd>());
  trainer.add(std::make_unique<RemembersItsEnd>(calls));
  EXPECT_THROW(trainer.run(), Error);
  EXPECT_THAT(calls, ElementsAre("start", "finished"));
}

TEST_F(TrainerTest, RefusesAWarmUpThatIsLongerThanTheRunInEpochs) {
  // 1 epoch of 124 samples, 6 a step.
  const auto fault = [&](const std::string& warmup) -> std::string {
    try {
      trainer_for(config({"train.duration=1e", "schedule.warmup=" + warmup}));
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(fault("21"), "");
  EXPECT_THAT(fault("22"), AllOf(HasSubstr("schedule.warmup"), HasSubstr("train.duration")));
  EXPECT_THAT(fault("2000t"), HasSubstr("schedule.warmup"));
}

TEST_F(TrainerTest, RefusesEpochsOfMoreTokensThanCanBeCounted) {
  // Twice the tokens, so that so many epochs have steps that can be counted: 249 samples, 600 a
  // step.
  const auto corpus = folder_.path() / "train.bin";
  const auto tokens = testing_support::get(corpus);
  testing_support::put(corpus, tokens + tokens);
  EXPECT_THAT(
      [&] {
        trainer_for(config({"train.duration=9000000000000000e", "train.accumulation=100"}));
      },
      ::testing::ThrowsMessage<UsageError>(HasSubstr("more tokens than can be counted")));
}

TEST_F(TrainerTest, RefusesACorpusShorterThanABatch) {
  EXPECT_THROW(trainer_for(config({"train.batch_size=125"})), UsageError);
  EXPECT_NO_THROW(trainer_for(config({"train.batch_size=124"})));
}

TEST_F(TrainerTest, ConvertsEpochsAndTokensToSteps) {
  // 999 targets in 124 contexts of 8; batches of 6: 20.67 steps.
  EXPECT_EQ(trainer_for(config({"train.duration=3e"})).total_steps(), 62);
  EXPECT_EQ(trainer_for(config({"train.duration=480t"})).total_steps(), 10);
}

}  // namespace
}  // namespace aero::train
