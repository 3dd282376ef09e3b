#include "aero/train/entropy_statistics.h"

#include "aero/config/loader.h"
#include "aero/model/initialization.h"
#include "aero/train/entropy_watch.h"
#include "aero/train/open_corpus.h"
#include "aero/train/trainer.h"

#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace aero::train {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

EntropyStatistics with_means(const ByHead& means) {
  EntropyStatistics statistics;
  statistics.mean = means;
  return statistics;
}

TEST(EntropyBins, AreQuartersOfTheLargestMean) {
  // Of max = 4: 0.5 and 0.99 below 1; 1 and 1.5 from 1; 2 from 2; 3, 3.5 and 4 from 3.
  const auto bins = with_means({{0.5, 0.99, 1, 1.5}, {2, 3, 3.5, 4}}).bins();
  EXPECT_THAT(bins, ElementsAre(0.25, 0.25, 0.125, 0.375));
}

TEST(EntropyBins, LeaveOutHeadsThatAreNotFinite) {
  EXPECT_THAT(with_means({{nan, 0.1}, {nan, 1}}).bins(), ElementsAre(0.5, 0, 0, 0.5));
  EXPECT_THAT(with_means({{nan}}).bins(), ElementsAre(0, 0, 0, 0));
}

TEST(EntropyBins, PutCollapsedHeadsIntoTheFirst) {
  EXPECT_THAT(with_means({{0, 0}}).bins(), ElementsAre(1, 0, 0, 0));
}

TEST(EntropyStatistics, HaveTheMeanOfTheFiniteHeads) {
  const auto statistics = with_means({{1, 2, nan}, {nan, nan, nan}});
  EXPECT_EQ(statistics.layer_mean(0), 1.5);
  EXPECT_TRUE(std::isnan(statistics.layer_mean(1)));
}

class EntropyTest : public ::testing::Test {
 protected:
  EntropyTest() {
    for (const char* name : {"train.bin", "val.bin"}) {
      testing_support::write_square_tokens(folder_.path() / name);
    }
  }

  RunConfig config(const std::vector<Override>& changes = {}) const {
    std::vector<Override> overrides{"model.n_layer=2",     "model.n_head=2",
                                    "model.d_model=16",    "model.context=8",
                                    "model.vocab_size=29", "train.batch_size=6",
                                    "train.duration=4",    "train.device=cpu",
                                    "data.format=nanogpt", "data.path=" + folder_.path().string()};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    return default_config(overrides);
  }

  static model::Decoder decoder_of(const RunConfig& config) {
    model::Decoder decoder(config.model);
    model::initialize(*decoder, 1);
    return decoder;
  }

  testing_support::TemporaryFolder folder_;
};

double log_factorial(int n) {
  double sum = 0;
  for (int i = 2; i <= n; ++i) sum += std::log(i);
  return sum;
}

TEST_F(EntropyTest, OfUniformAttentionIsTheMeanLogOfTheVisiblePositions) {
  const torch::NoGradGuard no_grad;
  const auto run = config();
  auto decoder = decoder_of(run);
  for (const auto& block : decoder->blocks()) block->attention->q->weight.zero_();
  const auto statistics = measure_entropy(decoder, open_corpus(run, "val"),
                                          {.batch_size = 5, .batches = 3, .proceed = {}});
  ASSERT_TRUE(statistics);
  const double expected = log_factorial(8) / 8;
  EXPECT_NEAR(statistics->uniform, expected, 1e-12);
  EXPECT_NEAR(statistics->largest_possible, std::log(8), 1e-12);
  EXPECT_EQ(statistics->rows, 3 * 5 * 8);
  for (const auto& layer : statistics->mean) {
    EXPECT_THAT(layer, ElementsAre(DoubleNear(expected, 1e-6), DoubleNear(expected, 1e-6)));
  }
  EXPECT_THAT(statistics->nonfinite_rows, ElementsAre(0, 0));
}

TEST_F(EntropyTest, CountsRowsThatAreNotFiniteApart) {
  const torch::NoGradGuard no_grad;
  auto decoder = decoder_of(config());
  // Head 1 of layer 1 alone.
  decoder->blocks()[1]->attention->q->weight.narrow(0, 8, 8).fill_(nan);
  const auto tokens = torch::arange(24).view({3, 8});
  const auto statistics = measure_entropy(decoder, tokens);
  EXPECT_THAT(statistics.nonfinite_rows, ElementsAre(0, 3 * 8));
  EXPECT_TRUE(std::isfinite(statistics.mean[1][0]));
  EXPECT_TRUE(std::isnan(statistics.mean[1][1]));
  EXPECT_NEAR(statistics.layer_mean(1), statistics.mean[1][0], 1e-15);
}

TEST_F(EntropyTest, LeavesTheDecoderInItsMode) {
  auto decoder = decoder_of(config());
  decoder->train();
  measure_entropy(decoder, torch::arange(8).view({1, 8}));
  EXPECT_TRUE(decoder->is_training());
}

TEST_F(EntropyTest, IsBrokenOffWhenAsked) {
  const auto run = config();
  auto decoder = decoder_of(run);
  EXPECT_FALSE(measure_entropy(decoder, open_corpus(run, "val"),
                               {.batch_size = 2, .batches = 2, .proceed = [] { return false; }}));
}

TEST_F(EntropyTest, LearnedScalarsAreThoseOfTheModel) {
  const auto run =
      config({"model.architecture=EReg(SM(t)+ScFuFFN_i1)", "model.alpha_init=2",
              "model.beta_init=0.5", "model.temperature_init=0.25", "model.ereg.theta_init=0.3"});
  auto decoder = decoder_of(run);
  const auto scalars = learned_scalars(*decoder);
  ASSERT_EQ(scalars.by_layer.size(), 2U);
  EXPECT_EQ(scalars.by_layer.at("alpha")[0], 2);
  EXPECT_TRUE(std::isnan(scalars.by_layer.at("alpha")[1]));
  EXPECT_EQ(scalars.by_layer.at("beta")[0], 0.5);
  ASSERT_EQ(scalars.by_head.size(), 3U);
  for (const char* name : {"temperature", "temperature_min"}) {
    for (const auto& layer : scalars.by_head.at(name)) {
      EXPECT_THAT(layer, ElementsAre(DoubleNear(0.25, 1e-6), DoubleNear(0.25, 1e-6))) << name;
    }
  }
  EXPECT_THAT(scalars.by_head.at("thresholds")[1],
              ElementsAre(DoubleNear(0.3, 1e-6), DoubleNear(0.3, 1e-6)));
}

TEST_F(EntropyTest, FindsTheSlopesOfLeakyRelu) {
  for (const auto& [kind, count] : {std::pair{"layer", 2U}, {"model", 1U}}) {
    auto decoder =
        decoder_of(config({"model.architecture=SM+LR", "model.leaky_slope=" + std::string(kind),
                           "model.leaky_init=0.125"}));
    const auto slopes = learned_scalars(*decoder).by_layer.at("slopes");
    EXPECT_THAT(slopes, ::testing::SizeIs(count));
    EXPECT_THAT(slopes, ::testing::Each(0.125));
  }
}

struct Reported {
  std::int64_t step;
  std::vector<std::int64_t> collapsed, overloaded, nonfinite;
};

class Listens : public Callback {
 public:
  explicit Listens(std::vector<Reported>& reported) : reported_(reported) {}
  void on_entropy(Trainer& trainer, const EntropyRecord& record) override {
    reported_.push_back({trainer.step(), record.layers(EntropyState::collapsed),
                         record.layers(EntropyState::overloaded),
                         record.layers(EntropyState::nonfinite)});
  }

 private:
  std::vector<Reported>& reported_;
};

/// Makes layer 1 attend to one position each, after the first step.
class Sharpens : public Callback {
 public:
  void on_step(Trainer& trainer, const StepRecord& record) override {
    if (record.step != 1) return;
    const torch::NoGradGuard no_grad;
    const auto& attention = trainer.decoder()->blocks()[1]->attention;
    attention->q->weight.normal_().mul_(1e4);
    attention->k->weight.normal_().mul_(1e4);
  }
};

TEST_F(EntropyTest, IsWatchedAtItsIntervalAndNamesTheLayersThatCollapse) {
  const auto run = config({"entropy.every=1", "entropy.batches=1", "train.duration=2"});
  Trainer trainer(run, open_corpus(run, "train"));
  std::vector<Reported> reported;
  trainer.add(std::make_unique<Sharpens>());
  trainer.add(std::make_unique<Listens>(reported));
  trainer.add(std::make_unique<EntropyWatch>(
      std::make_shared<const data::Corpus>(open_corpus(run, "val")), [] { return true; }));
  trainer.run();
  ASSERT_EQ(reported.size(), 3U);
  EXPECT_EQ(reported[0].step, 0);
  EXPECT_THAT(reported[0].collapsed, IsEmpty());
  EXPECT_THAT(reported[0].overloaded, ElementsAre(0, 1));  // small weights attend to all alike
  EXPECT_EQ(reported[1].step, 1);
  EXPECT_THAT(reported[1].collapsed, ElementsAre(1));
  EXPECT_THAT(reported[1].overloaded, ElementsAre(0));
  EXPECT_EQ(reported[2].step, 2);
}

}  // namespace
}  // namespace aero::train
