#include "aero/train/spike_watch.h"

#include "aero/config/loader.h"
#include "aero/train/metrics_writer.h"
#include "aero/train/open_corpus.h"
#include "aero/train/trainer.h"

#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace aero::train {
namespace {

using testing::HasSubstr;
using namespace testing_support;

class SpikeWatchTest : public testing::Test {
 protected:
  SpikeWatchTest() {
    write_square_tokens(temporary_.path() / "train.bin");
    folder_.prepare();
    // As a run leaves it: 30 steps, one with an infinite loss, and other lines between them.
    std::string lines = R"({"event":"entropy","step":0,"loss":900})"
                        "\n";
    for (int step = 1; step <= 30; ++step) {
      const std::string loss = step == 7 ? "null" : "4";
      lines +=
          R"({"step":)" + std::to_string(step) + R"(,"loss":)" + loss + R"(,"grad_norm":1})" + "\n";
    }
    put(folder_.metrics_file(), lines);
  }

  TemporaryFolder temporary_;
  checkpoint::RunFolder folder_{temporary_.path() / "run"};
};

TEST_F(SpikeWatchTest, TakesTheHistoryFromTheMetricsAndReportsASpikeThere) {
  const auto config = default_config(
      {"model.n_layer=1", "model.n_head=2", "model.d_model=16", "model.context=8",
       "model.vocab_size=29", "train.batch_size=6", "train.duration=4", "train.device=cpu",
       "data.format=nanogpt", "data.path=" + temporary_.path().string()});
  Trainer trainer(config, open_corpus(config, "train"));
  trainer.add(std::make_unique<MetricsWriter>(folder_));
  SpikeWatch watch(folder_.metrics_file());
  watch.on_start(trainer);
  StepRecord record;
  record.step = 31;
  record.loss = 4.2;
  watch.on_step(trainer, record);
  EXPECT_EQ(get(folder_.metrics_file()).find("spike"), std::string::npos);
  record.step = 32;
  record.loss = 9;
  watch.on_step(trainer, record);
  EXPECT_THAT(get(folder_.metrics_file()),
              HasSubstr(R"({"event":"spike","step":32,"loss":9.0,"mean":4.0)"));
}

}  // namespace
}  // namespace aero::train
