#include "aero/cost/flops.h"

#include "aero/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace aero::cost {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct PaperRow {
  std::int64_t n_layer;
  std::int64_t context;
  double ffn;        // GFLOPs, one decimal
  double attention;  // GFLOPs, one decimal
};

double in_tenths_of_gflops(std::int64_t flops) {
  return std::round(static_cast<double>(flops) / 1e8) / 10;
}

// The baselines' rows in the tables of arXiv 2410.13060.
class PaperTable : public ::testing::TestWithParam<PaperRow> {};

TEST_P(PaperTable, FlopsComeOut) {
  const PaperRow& row = GetParam();
  const ModelConfig config{
      .n_layer = row.n_layer, .n_head = 12, .d_model = 768, .context = row.context};
  const auto paper = forward_flops(config).paper;
  EXPECT_DOUBLE_EQ(in_tenths_of_gflops(paper.ffn), row.ffn);
  EXPECT_DOUBLE_EQ(in_tenths_of_gflops(paper.attention), row.attention);
}

INSTANTIATE_TEST_SUITE_P(Gpt2, PaperTable,
                         ::testing::Values(PaperRow{12, 128, 14.5, 7.7},
                                           PaperRow{12, 256, 29.0, 16.3},
                                           PaperRow{12, 512, 58.0, 36.2},
                                           PaperRow{18, 128, 21.7, 11.6}));

// torch.utils.flop_counter.FlopCounterMode over a forward pass of the same decoder in PyTorch, its
// attention written out as two products.
TEST(Flops, AreWhatPyTorchCounts) {
  const ModelConfig config{
      .n_layer = 2, .n_head = 4, .d_model = 32, .d_ffn = 96, .context = 16, .vocab_size = 97};
  const auto full = forward_flops(config).full;
  EXPECT_EQ(full.attention, 2 * 163'840);
  EXPECT_EQ(full.ffn, 2 * 196'608);
  EXPECT_EQ(full.head, 99'328);
  EXPECT_EQ(full.total, 820'224);
}

TEST(Flops, OfThePapersModelAreWhatPyTorchCounts) {
  const ModelConfig config{
      .n_layer = 12, .n_head = 12, .d_model = 768, .context = 128, .vocab_size = 50'000};
  EXPECT_EQ(forward_flops(config).full.total, 32'177'651'712);
}

TEST(Flops, OfTrainingAreThriceTheForwardPass) {
  RunConfig config;
  config.model = {
      .n_layer = 2, .n_head = 4, .d_model = 32, .d_ffn = 96, .context = 16, .vocab_size = 97};
  config.train.batch_size = 5;
  config.train.accumulation = 7;
  EXPECT_EQ(training_flops_per_token(config.model), 153'792);
  EXPECT_EQ(training_flops_per_step(config), 86'123'520);
}

TEST(Flops, BeyondSixtyFourBitsAreRefused) {
  const ModelConfig config{
      .n_layer = 10'000, .n_head = 1, .d_model = 1'000'000, .context = 1'000'000};
  EXPECT_THAT([&] { forward_flops(config); },
              ThrowsMessage<UsageError>(HasSubstr("64 bits; check model.n_layer")));
}

}  // namespace
}  // namespace aero::cost
