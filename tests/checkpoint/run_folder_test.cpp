#include "aero/checkpoint/run_folder.h"

#include "aero/config/loader.h"
#include "aero/core/checksum.h"
#include "aero/core/error.h"
#include "aero/runs/find_checkpoint.h"

#include "tests/support/faults.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

namespace aero::checkpoint {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;
using runs::find_checkpoint;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Every number in it follows from its step.
Checkpoint checkpoint_at(std::int64_t step) {
  Checkpoint result;
  result.weights["wte.weight"] = torch::full({30, 20}, static_cast<double>(step));
  result.optimizer["wte.weight.exp_avg"] = torch::full({30, 20}, static_cast<double>(step) / 2);
  result.state.step = step;
  result.state.samples_seen = 8 * step;
  result.state.data_fingerprint = "abc";
  result.state.tokenizer_sha256 = "def";
  return result;
}

void expect_whole(const Checkpoint& checkpoint) {
  const Checkpoint expected = checkpoint_at(checkpoint.state.step);
  EXPECT_TRUE(torch::equal(checkpoint.weights.at("wte.weight"), expected.weights.at("wte.weight")));
  EXPECT_TRUE(torch::equal(checkpoint.optimizer.at("wte.weight.exp_avg"),
                           expected.optimizer.at("wte.weight.exp_avg")));
  EXPECT_EQ(checkpoint.state.samples_seen, expected.state.samples_seen);
}

class ARun : public testing::Test {
 protected:
  void save(std::int64_t step) const { run_.save(checkpoint_at(step), config_); }

  const TemporaryFolder temporary_;
  const RunConfig config_ = default_config({"train.batch_size=7"});
  const RunFolder run_{temporary_.path() / "runs" / "a"};
};

TEST_F(ARun, PreparesItsFolders) {
  run_.prepare();
  EXPECT_THAT(names_in(run_.root()), ElementsAre("checkpoints"));
}

TEST_F(ARun, HasBegunOnceAnythingOfItIsThere) {
  EXPECT_FALSE(run_.holds_run());
  run_.prepare();
  EXPECT_FALSE(run_.holds_run());
  for (const fs::path& file : {run_.config_file(), run_.metrics_file()}) {
    put(file, "");
    EXPECT_TRUE(run_.holds_run());
    fs::remove(file);
  }
  save(100);
  EXPECT_TRUE(run_.holds_run());
}

TEST_F(ARun, SavesFourFilesUnderAPaddedName) {
  run_.prepare();
  save(100);
  EXPECT_THAT(names_in(run_.checkpoints()), ElementsAre("step-00000100"));
  EXPECT_THAT(names_in(run_.checkpoint(100)), ElementsAre("config.json", "optimizer.safetensors",
                                                          "state.json", "weights.safetensors"));
  EXPECT_EQ(load_checkpoint_config(run_.checkpoint(100)).train.batch_size, 7);
}

TEST_F(ARun, WritesItsStateAsReadableJson) {
  run_.prepare();
  Checkpoint checkpoint = checkpoint_at(3);
  checkpoint.state.eval_loss = 2.5;
  checkpoint.state.eval_step = 2;
  checkpoint.state.loss_scale = {65536, 4};
  run_.save(checkpoint, config_);
  const auto checksum = [this](const char* name) {
    return checksum_text(crc32(get(run_.checkpoint(3) / name)));
  };
  const std::string checksum_of_values = checksum_text(crc32(
      R"({"format_version":1,"step":3,"samples_seen":24,"rewinds":0,"data_fingerprint":"abc",)"
      R"("tokenizer_sha256":"def","eval_loss":2.5,"eval_step":2,"loss_scale":65536.0,)"
      R"("loss_scale_growth":4,"held_out_fingerprint":"","warm_start_crc32":"","weights_crc32":")" +
      checksum("weights.safetensors") + R"(","optimizer_crc32":")" +
      checksum("optimizer.safetensors") + R"(","config_crc32":")" + checksum("config.json") +
      "\"}"));
  EXPECT_EQ(get(run_.checkpoint(3) / "state.json"), R"({
  "format_version": 1,
  "step": 3,
  "samples_seen": 24,
  "rewinds": 0,
  "data_fingerprint": "abc",
  "tokenizer_sha256": "def",
  "eval_loss": 2.5,
  "eval_step": 2,
  "loss_scale": 65536.0,
  "loss_scale_growth": 4,
  "held_out_fingerprint": "",
  "warm_start_crc32": "",
  "weights_crc32": ")" + checksum("weights.safetensors") +
                                                        R"(",
  "optimizer_crc32": ")" + checksum("optimizer.safetensors") +
                                                        R"(",
  "config_crc32": ")" + checksum("config.json") + R"(",
  "state_crc32": ")" + checksum_of_values + R"("
}
)");
}

TEST_F(ARun, LoadsWhatItSaved) {
  run_.prepare();
  Checkpoint checkpoint = checkpoint_at(3);
  checkpoint.state.eval_loss = 0.1;
  checkpoint.state.loss_scale = {1.0 / 3, 9};
  run_.save(checkpoint, config_);
  const Checkpoint loaded = load_checkpoint(run_.checkpoint(3));
  expect_whole(loaded);
  EXPECT_EQ(loaded.state.step, 3);
  EXPECT_EQ(loaded.state.data_fingerprint, "abc");
  EXPECT_EQ(loaded.state.tokenizer_sha256, "def");
  EXPECT_EQ(loaded.state.eval_loss, 0.1);
  EXPECT_EQ(loaded.state.loss_scale, (LossScale{1.0 / 3, 9}));
  EXPECT_TRUE(load_weights(run_.checkpoint(3)).contains("wte.weight"));
}

TEST_F(ARun, KeepsALossThatIsNoNumber) {
  run_.prepare();
  Checkpoint checkpoint = checkpoint_at(1);
  const auto loss_after = [&](std::optional<double> loss) {
    checkpoint.state.eval_loss = loss;
    run_.save(checkpoint, config_);
    return load_state(run_.checkpoint(1)).eval_loss;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(loss_after(std::nan("")).value()));
  EXPECT_EQ(loss_after(infinity), infinity);
  EXPECT_EQ(loss_after(-infinity), -infinity);
  EXPECT_EQ(loss_after(std::nullopt), std::nullopt);
}

TEST_F(ARun, ListsWholeCheckpointsInTheOrderOfTheirSteps) {
  EXPECT_THAT(run_.steps(), IsEmpty());
  EXPECT_EQ(run_.latest(), std::nullopt);
  run_.prepare();
  for (const std::int64_t step : {123'456'789, 100, 0, 20}) save(step);
  fs::remove(run_.checkpoint(20) / "state.json");
  fs::copy(run_.checkpoint(100), run_.checkpoints() / ".step-00000200.tmp-1");
  fs::copy(run_.checkpoint(100), run_.checkpoints() / "step-300");
  fs::copy(run_.checkpoint(100), run_.checkpoints() / "step-00000300.bak");
  EXPECT_THAT(run_.steps(), ElementsAre(0, 100, 123'456'789));
  EXPECT_EQ(run_.latest()->filename(), "step-123456789");
}

TEST_F(ARun, RemovesWhatAnInterruptedSaveLeftBehind) {
  run_.prepare();
  save(100);
  fs::create_directory(run_.checkpoints() / ".step-00000200.tmp-1");
  put(run_.checkpoints() / ".best.tmp-1", "half");
  put(run_.root() / ".config.json.tmp-1", "half");
  fs::rename(run_.checkpoint(100), run_.checkpoints() / ".step-00000100.old-1");
  run_.prepare();
  EXPECT_THAT(names_in(run_.checkpoints()), ElementsAre("step-00000100"));
  EXPECT_THAT(names_in(run_.root()), ElementsAre("checkpoints"));
}

TEST_F(ARun, RemembersItsBestCheckpoint) {
  run_.prepare();
  EXPECT_EQ(run_.best(), std::nullopt);
  save(100);
  save(200);
  run_.mark_best(100);
  EXPECT_EQ(get(run_.checkpoints() / "best"), "step-00000100\n");
  EXPECT_EQ(run_.best(), run_.checkpoint(100));
  fs::remove_all(run_.checkpoint(100));
  EXPECT_EQ(run_.best(), std::nullopt);
  put(run_.checkpoints() / "best", "rubbish");
  EXPECT_EQ(run_.best(), std::nullopt);
  EXPECT_THAT(error_of([&] { run_.mark_best(300); }), HasSubstr("step-00000300"));
}

TEST_F(ARun, PrunesAllButTheLastTheBestAndTheInitialCheckpoint) {
  run_.prepare();
  for (std::int64_t step = 0; step <= 60; step += 10) save(step);
  run_.mark_best(20);
  run_.prune(2);
  EXPECT_THAT(run_.steps(), ElementsAre(0, 20, 50, 60));
  EXPECT_THAT(names_in(run_.checkpoints()), ElementsAre("best", "step-00000000", "step-00000020",
                                                        "step-00000050", "step-00000060"));
  run_.prune(10);
  EXPECT_THAT(run_.steps(), ElementsAre(0, 20, 50, 60));
  EXPECT_THAT(error_of([&] { run_.prune(0); }), HasSubstr("at least 1"));
}

TEST_F(ARun, KeepsTheOldCheckpointWhenTheNewOneDoesNotFit) {
  run_.prepare();
  save(100);
  Checkpoint large = checkpoint_at(100);
  large.weights["wte.weight"] = torch::zeros({100'000});
  std::string message;
  {
    const FileSizeLimit limit(20'000);
    message = error_of([&] { run_.save(large, config_); });
  }
  EXPECT_THAT(message, HasSubstr("weights.safetensors': File too large"));
  EXPECT_THAT(names_in(run_.checkpoints()), ElementsAre("step-00000100"));
  expect_whole(load_checkpoint(run_.checkpoint(100)));
}

TEST_F(ARun, HoldsAWholeCheckpointWheneverItIsKilled) {
  run_.prepare();
  save(0);
  save(1);
  run_.mark_best(1);
  std::int64_t step = 1;
  const auto train = [&] {
    ++step;
    save(step % 3 == 0 ? 1 : step);
    run_.mark_best(1);
    run_.prune(2);
  };
  std::mt19937 random(11);
  for (int kill = 0; kill < 20; ++kill) {
    kill_amid(train, std::chrono::microseconds(500 + random() % 60'000));
    const auto steps = run_.steps();
    ASSERT_FALSE(steps.empty());
    for (const std::int64_t one : steps) {
      const Checkpoint checkpoint = load_checkpoint(run_.checkpoint(one));
      EXPECT_EQ(checkpoint.state.step, one);
      expect_whole(checkpoint);
    }
    step = steps.back();
  }
  EXPECT_EQ(run_.best(), run_.checkpoint(1));
  run_.prepare();
  for (const std::string& name : names_in(run_.checkpoints())) EXPECT_NE(name.front(), '.');
}

TEST_F(ARun, NamesTheDamagedFileOfACheckpoint) {
  run_.prepare();
  save(1);
  const auto fault_of = [&] {
    const auto fault = error_of([&] { load_checkpoint(run_.checkpoint(1)); });
    EXPECT_EQ(error_of([&] { check_checkpoint(run_.checkpoint(1)); }), fault);
    return fault;
  };
  EXPECT_EQ(fault_of(), "no error");
  const fs::path weights = run_.checkpoint(1) / "weights.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 1);
  EXPECT_THAT(fault_of(), HasSubstr(weights.string() + "' is damaged"));
  fs::remove(weights);
  EXPECT_THAT(fault_of(), HasSubstr(weights.string() + "': No such file"));
}

struct Damage {
  const char* from;
  const char* to;
  const char* said;
};

class DamagedState : public ARun, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedState, IsRefusedWithItsReason) {
  run_.prepare();
  save(3);
  const fs::path file = run_.checkpoint(3) / "state.json";
  std::string text = get(file);
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  put(file, text.replace(at, std::strlen(GetParam().from), GetParam().to));
  const std::string message = error_of([&] { load_state(run_.checkpoint(3)); });
  EXPECT_THAT(message, HasSubstr(file.string()));
  EXPECT_THAT(message, HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, DamagedState,
    testing::Values(
        Damage{"{", "", "no JSON"}, Damage{"{\n", "[{\n", "no JSON"},
        Damage{"\"format_version\": 1", "\"format_version\": 2", "its format_version is 2"},
        Damage{"\"format_version\": 1,", "", "key 'format_version' is missing"},
        Damage{"\"step\": 3,", "", "key 'step' is missing"},
        Damage{"\"step\": 3", "\"step\": -3", "step is -3: negative"},
        Damage{"\"step\": 3", "\"step\": 3.5", "step is 3.5: no whole number"},
        Damage{"\"step\": 3", "\"step\": 9223372036854775808", "too large"},
        Damage{"\"step\": 3", "\"step\": \"3\"", "step is \"3\": no whole number"},
        Damage{"\"abc\"", "7", "data_fingerprint is 7: no text"},
        Damage{"null", "\"small\"", "eval_loss is \"small\": no number"},
        Damage{"\"loss_scale\": null", "\"loss_scale\": true", "loss_scale is true: no number"},
        Damage{"\"step\": 3", "\"step\": 3, \"stop\": 4", "key 'stop' is unknown"},
        Damage{"\"step\": 3", "\"step\": 7", "it is damaged: its values have the checksum"}));

TEST_F(ARun, FindsACheckpointByItsOwnFolderOrByItsRun) {
  run_.prepare();
  save(100);
  save(200);
  EXPECT_EQ(find_checkpoint(run_.root()), run_.checkpoint(200));
  run_.mark_best(100);
  EXPECT_EQ(find_checkpoint(run_.root()), run_.checkpoint(100));
  EXPECT_EQ(find_checkpoint(run_.root() / ""), run_.checkpoint(100));
  EXPECT_EQ(find_checkpoint(run_.checkpoints()), run_.checkpoint(100));
  EXPECT_EQ(find_checkpoint(run_.checkpoints() / "best"), run_.checkpoint(100));
  EXPECT_EQ(find_checkpoint(run_.checkpoint(200)), run_.checkpoint(200));
}

TEST_F(ARun, IsFoundByWeightsAndConfigAlone) {
  run_.prepare();
  save(100);
  fs::remove(run_.checkpoint(100) / "state.json");
  fs::remove(run_.checkpoint(100) / "optimizer.safetensors");
  EXPECT_EQ(find_checkpoint(run_.checkpoint(100)), run_.checkpoint(100));
  EXPECT_TRUE(load_weights(run_.checkpoint(100)).contains("wte.weight"));
}

TEST_F(ARun, SaysWhatItLookedForWhenThereIsNoCheckpoint) {
  const auto fault_of = [](const fs::path& path) {
    return error_of([&] { find_checkpoint(path); });
  };
  run_.prepare();
  EXPECT_THAT(fault_of(run_.root()), HasSubstr("weights.safetensors and config.json"));
  EXPECT_THAT(fault_of(run_.root()), HasSubstr("no step-NNNNNNNN"));
  EXPECT_THAT(fault_of(run_.root()), HasSubstr("checkpoints' holds no folder"));
  save(100);
  put(run_.config_file(), "{}");
  EXPECT_THAT(fault_of(run_.checkpoint(101)), HasSubstr("does not exist"));
  EXPECT_THAT(fault_of(run_.checkpoint(101)), HasSubstr("holds step-00000100"));
  EXPECT_THAT(fault_of(run_.root().parent_path() / "b"), HasSubstr("runs' holds a"));
  EXPECT_THAT(fault_of(run_.config_file()), HasSubstr("is a file; name a run folder"));
  fs::remove(run_.checkpoint(100) / "weights.safetensors");
  EXPECT_THAT(fault_of(run_.checkpoint(100)), HasSubstr("it lacks weights.safetensors"));
}

}  // namespace
}  // namespace aero::checkpoint
