#include "aero/jobs/run_state.h"

#include "aero/config/loader.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/trained_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace aero::jobs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::put;
using testing_support::save_step;
using testing_support::TemporaryFolder;

RunState state_of(const char* metrics, std::optional<std::int64_t> saved_step = std::nullopt) {
  const TemporaryFolder folder;
  put(folder.path() / "metrics.jsonl", metrics);
  if (saved_step) save_step(folder.path(), *saved_step);
  return read_run_state(folder.path());
}

TEST(RunState, OfAFolderWithoutMetricsIsARunNotBegun) {
  const auto state = read_run_state("/nowhere");
  EXPECT_EQ(state.end, RunEnd::unfinished);
  EXPECT_EQ(state.steps, 0);
  EXPECT_TRUE(std::isnan(state.perplexity()));
}

TEST(RunState, OfAFinishedRunHasItsEvaluationsAndSums) {
  const auto state = state_of(
      R"({"step": 1, "loss": 4.0, "lr": 0.1, "grad_norm": 1, "tokens": 64, "seconds": 0.5}
{"event": "entropy", "step": 1, "bins": [1, 0, 0, 0]}
{"event": "evaluation", "step": 1, "loss": 3.5, "perplexity": 33.1, "tokens": 600}
{"step": 2, "loss": 3.0, "lr": 0.1, "grad_norm": 1, "tokens": 64, "seconds": 0.25}
{"event": "entropy", "step": 2, "bins": [0.5, 0.25, 0.25, 0], "heads": [[1]]}
{"event": "evaluation", "step": 2, "loss": 2.0, "perplexity": 7.4, "tokens": 600, "part": true}
{"event": "finish", "step": 2, "outcome": "finished"}
)",
      2);
  EXPECT_EQ(state.end, RunEnd::finished);
  EXPECT_EQ(state.lost, "");
  EXPECT_EQ(state.saved_step, 2);
  EXPECT_EQ(state.steps, 2);
  EXPECT_EQ(state.tokens, 128);
  EXPECT_EQ(state.seconds, 0.75);
  EXPECT_EQ(state.evaluations, (std::vector<EvaluationPoint>{{1, 3.5, {}}, {2, 2.0, true}}));
  EXPECT_NEAR(state.perplexity(), 7.38905609893065, 1e-12);  // e^2
  EXPECT_EQ(state.bins, (std::array<double, 4>{0.5, 0.25, 0.25, 0}));
  EXPECT_FALSE(state.nonfinite);
}

TEST(RunState, OfADivergedRunNamesItsFirstNonfiniteStep) {
  const auto state = state_of(
      R"({"step": 811, "loss": 4.0, "tokens": 64, "seconds": 0.5}
{"event": "nonfinite", "step": 812, "quantity": "loss", "layer": "blocks.3", "parameter": "w", "action": "skip"}
{"event": "nonfinite", "step": 813, "quantity": "gradient", "layer": "", "parameter": "v", "action": "stop"}
{"event": "finish", "step": 812, "outcome": "nonfinite"}
)",
      812);
  EXPECT_EQ(state.end, RunEnd::nonfinite);
  EXPECT_EQ(state.nonfinite, (Nonfinite{812, "loss", "blocks.3", "w"}));
}

TEST(RunState, OfAnInterruptedRunIsUnfinished) {
  for (const char* outcome : {"interrupted", "terminated"}) {
    EXPECT_EQ(
        state_of((std::string(R"({"event": "finish", "step": 2, "outcome": ")") + outcome + "\"}\n")
                     .c_str())
            .end,
        RunEnd::unfinished);
  }
}

TEST(RunState, CountsTheLastFinishAlone) {
  EXPECT_EQ(state_of(R"({"event": "finish", "step": 2, "outcome": "interrupted"}
{"event": "finish", "step": 4, "outcome": "finished"})",
                     4)
                .end,
            RunEnd::finished);
}

/// A run whose metrics say that it ended at step 4.
class EndedRun : public ::testing::TestWithParam<const char*> {
 protected:
  EndedRun() {
    put(folder_.path() / "metrics.jsonl",
        R"({"step": 4, "loss": 4.0, "tokens": 64, "seconds": 0.5}
{"event": "finish", "step": 4, "outcome": ")" +
            std::string(GetParam()) + "\"}\n");
  }

  RunState state() const { return read_run_state(folder_.path()); }
  std::filesystem::path checkpoint() const {
    return folder_.path() / "checkpoints" / "step-00000004";
  }

  TemporaryFolder folder_;
};

TEST_P(EndedRun, HasEndedWhereItsLastStateIsOnTheDisk) {
  save_step(folder_.path(), 4);
  EXPECT_EQ(name(state().end), GetParam());
}

TEST_P(EndedRun, GoesOnWhereTheLastStateIsMissing) {
  EXPECT_EQ(state().end, RunEnd::unfinished);
  EXPECT_EQ(state().saved_step, std::nullopt);
  EXPECT_THAT(state().lost, HasSubstr(checkpoint().string()));
  save_step(folder_.path(), 3);
  EXPECT_EQ(state().end, RunEnd::unfinished);
  EXPECT_EQ(state().steps, 4);
  EXPECT_EQ(state().saved_step, 3);
}

TEST_P(EndedRun, GoesOnWhereAFileOfTheLastStateIsNotWhole) {
  save_step(folder_.path(), 3);
  for (const char* file :
       {"weights.safetensors", "optimizer.safetensors", "state.json", "config.json"}) {
    save_step(folder_.path(), 4);
    EXPECT_EQ(name(state().end), GetParam());
    std::filesystem::resize_file(checkpoint() / file,
                                 std::filesystem::file_size(checkpoint() / file) - 3);
    EXPECT_EQ(state().end, RunEnd::unfinished) << file;
    EXPECT_THAT(state().lost, HasSubstr((checkpoint() / file).string()));
  }
  std::filesystem::remove(checkpoint() / "state.json");
  EXPECT_EQ(state().end, RunEnd::unfinished);
  EXPECT_EQ(state().saved_step, 3);
}

INSTANTIATE_TEST_SUITE_P(Outcomes, EndedRun, ::testing::Values("finished", "nonfinite"));

TEST(RunState, PassesOverALineThatWasCutOff) {
  const auto state = state_of(R"({"step": 1, "loss": 4.0, "tokens": 64, "seconds": 0.5}
{"event": "finish", "step": 1, "outc)");
  EXPECT_EQ(state.end, RunEnd::unfinished);
  EXPECT_EQ(state.steps, 1);
}

TEST(RunState, HasNoPerplexityWhereTheEvaluationWasNotFinite) {
  const auto state = state_of(R"({"event": "evaluation", "step": 3, "loss": null, "tokens": 9})");
  ASSERT_EQ(state.evaluations.size(), 1U);
  EXPECT_TRUE(std::isnan(state.perplexity()));
}

class RunFolderOf : public ::testing::Test {
 protected:
  RunFolderOf() { config_.run.folder = folder_.path().string(); }

  std::string conflict(const RunConfig& there) const {
    put(folder_.path() / "config.json", to_json(there));
    return conflicts_of({config_});
  }

  TemporaryFolder folder_;
  RunConfig config_;
};

TEST_F(RunFolderOf, NothingIsNoConflict) {
  EXPECT_THAT(conflicts_of({config_}), IsEmpty());
}

TEST_F(RunFolderOf, TheSameRunMayDifferInPlaceThreadsDeviceAndLog) {
  auto there = config_;
  there.run.folder = "elsewhere";
  there.train.threads = 3;
  there.train.device = "cpu";
  there.log.every = {1, DurationUnit::steps};
  EXPECT_THAT(conflict(there), IsEmpty());
}

TEST_F(RunFolderOf, AnotherRunIsNamedByTheFirstKeyThatDiffers) {
  auto there = config_;
  there.model.n_layer = 2;
  there.optimizer.lr = 0.5;
  EXPECT_THAT(conflict(there), AllOf(HasSubstr("config.json: holds another run: model.n_layer is 2 "
                                               "there and 12 here; "),
                                     HasSubstr(folder_.path().string())));
}

}  // namespace
}  // namespace aero::jobs
