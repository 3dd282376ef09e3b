#include "aero/train/warm_start.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/model/initialization.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace aero::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using testing_support::largest_difference;

class WarmStartTest : public ::testing::Test {
 protected:
  static RunConfig config(const std::string& architecture, std::int64_t width = 16) {
    return default_config({"model.preset=gpt2-tiny", "model.architecture=" + architecture,
                           "model.d_model=" + std::to_string(width)});
  }

  static model::Decoder decoder_of(const RunConfig& config, std::uint64_t seed) {
    model::Decoder decoder(config.model);
    model::initialize(*decoder, seed);
    decoder->eval();
    return decoder;
  }

  /// A checkpoint of that architecture, and its decoder.
  model::Decoder save(const std::string& architecture) {
    auto decoder = decoder_of(config(architecture), 1);
    checkpoint::TensorMap weights;
    for (const auto& [name, tensor] : decoder->named_state()) weights[name] = tensor.detach();
    checkpoint::save_model(source_, weights, config(architecture));
    return decoder;
  }

  static torch::Tensor logits(model::Decoder& decoder) {
    const torch::NoGradGuard no_grad;
    return decoder->forward(testing_support::tokens({2, 9}, 97, 5));
  }

  testing_support::TemporaryFolder folder_;
  std::filesystem::path source_ = folder_.path() / "source";
};

TEST_F(WarmStartTest, OfTheSameArchitectureIsTheSameModel) {
  auto source = save("SM+LN+G");
  auto target = decoder_of(config("SM+LN+G"), 2);
  ASSERT_GT(largest_difference(logits(source), logits(target)), 1e-3);
  const auto start = warm_start(*target, source_);
  EXPECT_THAT(start.fresh, IsEmpty());
  EXPECT_THAT(start.unused, IsEmpty());
  EXPECT_EQ(largest_difference(logits(source), logits(target)), 0);
}

// alpha and beta begin at 1, where ScFFN is the plain FFN.
TEST_F(WarmStartTest, OfAScaledFfnBeginsWithThePlainOne) {
  auto source = save("SM");
  auto target = decoder_of(config("SM+ScFFN"), 2);
  const auto start = warm_start(*target, source_);
  EXPECT_THAT(start.fresh,
              ElementsAre("blocks.0.alpha", "blocks.0.beta", "blocks.1.alpha", "blocks.1.beta"));
  EXPECT_EQ(largest_difference(logits(source), logits(target)), 0);
}

TEST_F(WarmStartTest, OfAFusedFfnBeginsWithTheProduct) {
  auto source = save("SM+ScFFN");
  auto target = decoder_of(config("SM+ScFuFFN"), 2);
  const auto start = warm_start(*target, source_);
  EXPECT_THAT(start.fresh, IsEmpty());
  EXPECT_LE(largest_difference(logits(source), logits(target)), 1e-6);
}

TEST_F(WarmStartTest, OfWeightNormalisedMatricesBeginsWithThePlainOnes) {
  auto source = save("SM");
  auto target = decoder_of(config("SM+WNFFN"), 2);
  const auto start = warm_start(*target, source_);
  EXPECT_THAT(start.fresh, ::testing::SizeIs(4));  // the gains of two matrices in two blocks
  EXPECT_LE(largest_difference(logits(source), logits(target)), 1e-6);
}

TEST_F(WarmStartTest, OfSpectrallyNormalisedMatricesDividesByTheLargestSingularValue) {
  const torch::NoGradGuard no_grad;
  save("SM");
  auto target = decoder_of(config("SM+SNFFN"), 2);
  warm_start(*target, source_);
  const auto spectral = target->named_modules()["blocks.1.ffn.w_in"];
  auto* const layer = spectral->as<model::SpectralNormLinearImpl>();
  ASSERT_NE(layer, nullptr);
  // After 15 steps of the power iteration.
  EXPECT_NEAR(at::linalg_svdvals(layer->matrix()).max().item<double>(), 1, 0.03);
}

TEST_F(WarmStartTest, LeavesOutWhatTheModelLacks) {
  save("SM+LN+G");
  auto target = decoder_of(config("SM+R"), 2);
  const auto start = warm_start(*target, source_);
  EXPECT_THAT(start.fresh, IsEmpty());
  EXPECT_THAT(start.unused, ::testing::SizeIs(8));  // weight and bias of two norms in two blocks
}

TEST_F(WarmStartTest, IsRefusedFromAModelOfAnotherWidth) {
  save("SM+LN+G");
  auto target = decoder_of(config("SM", 32), 2);
  EXPECT_THAT([&] { warm_start(*target, source_); },
              ThrowsMessage<UsageError>(HasSubstr("train.warm_start")));
}

}  // namespace
}  // namespace aero::train
