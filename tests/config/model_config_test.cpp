#include "aero/config/model_config.h"

#include "aero/core/error.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace aero {
namespace {

// int(head_size * rotary_pct) in Hugging Face's GPT-NeoX.
TEST(ModelConfig, TurnsTheRotaryShareOfAHeadRoundedDown) {
  const auto dimensions = [](std::int64_t d_head, double fraction) {
    return ModelConfig{.n_head = 3, .d_model = 3 * d_head, .rotary_fraction = fraction}
        .rotary_dimensions();
  };
  EXPECT_EQ(dimensions(64, 0.25), 16);
  EXPECT_EQ(dimensions(8, 0.25), 2);
  EXPECT_EQ(dimensions(64, 1.0), 64);
  EXPECT_EQ(dimensions(10, 0.25), 2);  // 2.5
  EXPECT_EQ(dimensions(80, 0.4), 32);
}

TEST(ModelConfig, RefusesToTurnAnOddNumberOfDimensionsOrNone) {
  const ModelConfig odd{.n_head = 1, .d_model = 20, .rotary_fraction = 0.25};
  const ModelConfig none{.n_head = 1, .d_model = 4, .rotary_fraction = 0.25};
  EXPECT_THROW(odd.rotary_dimensions(), UsageError);
  EXPECT_THROW(none.rotary_dimensions(), UsageError);
}

TEST(ModelConfig, KeepsALayerNormBeforeTheHeadOfANormFreeModel) {
  EXPECT_EQ(ModelConfig{.norm = NormKind::none}.final_norm_kind(), NormKind::layernorm);
  EXPECT_EQ(ModelConfig{.norm = NormKind::rmsnorm}.final_norm_kind(), NormKind::rmsnorm);
  EXPECT_EQ((ModelConfig{.norm = NormKind::rmsnorm, .final_norm = false}.final_norm_kind()),
            NormKind::none);
}

TEST(ModelConfig, StartsAFusedFfnStronger) {
  EXPECT_EQ(ModelConfig{.ffn_scaled = true}.alpha_start(), 1);
  EXPECT_EQ((ModelConfig{.ffn_scaled = true, .ffn_fused = true}.alpha_start()), 0.3);
  EXPECT_EQ((ModelConfig{.ffn_scaled = true, .alpha_init = 2, .ffn_fused = true}.alpha_start()), 2);
}

TEST(ModelConfig, TakesFourTimesTheWidthAndTheContextWhereNothingElseIsSaid) {
  const ModelConfig standard{.d_model = 48, .context = 20};
  EXPECT_EQ(standard.ffn_width(), 192);
  EXPECT_EQ(standard.position_rows(), 20);
  const ModelConfig own{.d_ffn = 100, .positions = 64};
  EXPECT_EQ(own.ffn_width(), 100);
  EXPECT_EQ(own.position_rows(), 64);
}

}  // namespace
}  // namespace aero
