// Transformed models against the models that they came from, by their logits.

#include "aero/model/surgery.h"

#include "aero/config/notation.h"
#include "aero/core/error.h"

#include "tests/model/decoders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aero::model {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using testing_support::largest;
using testing_support::largest_difference;

constexpr double same = 1e-10;
constexpr double float32_same = 1e-5;

ModelConfig with_architecture(ModelConfig config, const char* name) {
  config.n_layer = 3;
  apply_architecture(name, config);
  return config;
}

/// With scales away from 1, which 0.3 N(0, 1) around it can bring near 0.
Decoder make_scaled_decoder(const ModelConfig& config, torch::ScalarType dtype = torch::kFloat64) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder(config);
  double value = 0.7;
  for (auto& item : decoder->named_parameters()) {
    const auto& name = item.key();
    if (name.ends_with(".alpha") || name.ends_with(".beta")) item.value().fill_(value += 0.2);
  }
  decoder->to(dtype);
  return decoder;
}

TrainedModel trained(const Decoder& decoder) {
  TrainedModel model{decoder->config(), {}};
  for (const auto& [name, tensor] : decoder->named_state()) {
    model.weights[name] = tensor.detach().clone();
  }
  return model;
}

/// The decoder of a transformed model; its tensors must be exactly those that it needs.
Decoder build(const TrainedModel& model) {
  const torch::NoGradGuard no_grad;
  Decoder decoder(model.config);
  decoder->to(model.weights.at("tokens.weight").scalar_type());
  const auto state = decoder->named_state();
  EXPECT_EQ(state.size(), model.weights.size());
  for (auto [name, tensor] : state) {
    if (!model.weights.contains(name)) {
      ADD_FAILURE() << name << " is missing";
      continue;
    }
    EXPECT_EQ(tensor.sizes(), model.weights.at(name).sizes()) << name;
    tensor.copy_(model.weights.at(name));
  }
  decoder->eval();
  return decoder;
}

/// Of the logits, relative to their size.
double difference(Decoder a, Decoder b) {
  const torch::NoGradGuard no_grad;
  const auto tokens = make_tokens(2, 12);
  const auto logits = a->forward(tokens);
  return largest_difference(logits, b->forward(tokens)) / largest(logits);
}

/// The forms of a model with plain matrices, as an initialised one has them.
Decoder with_forms(ModelConfig config, WeightForm form) {
  config.ffn_form = config.qk_form = config.v_form = config.o_form = form;
  return make_scaled_decoder(config);
}

TEST(Surgery, FusingKeepsTheLogits) {
  for (const auto& base : {small_gpt2(), small_pythia()}) {
    for (const char* name : {"SM", "SM+LN", "SM+ScFFN", "SM+FFN_i1", "SM(t)+ScFFN_i[1]"}) {
      for (const auto biases : {BiasSet::all, BiasSet::none}) {
        auto config = with_architecture(base, name);
        config.biases = biases;
        const auto decoder = make_scaled_decoder(config);
        const auto fused = fuse_ffns(trained(decoder));
        EXPECT_TRUE(fused.config.ffn_fused);
        EXPECT_LE(difference(decoder, build(fused)), same) << name;
        // At t = 0.01 the scores and float32's rounding in them are a hundred times larger.
        config.temperature_init = 1;
        const auto single = make_scaled_decoder(config, torch::kFloat32);
        EXPECT_LE(difference(single, build(fuse_ffns(trained(single)))), float32_same) << name;
      }
    }
  }
}

TEST(Surgery, FoldsNormalisedMatrices) {
  for (const auto form : {WeightForm::weight_norm, WeightForm::spectral_norm}) {
    const auto decoder = with_forms(with_architecture(small_gpt2(), "SM+ScFFN"), form);
    const auto folded = fold_forms(trained(decoder));
    EXPECT_EQ(architecture_name(folded.config), "SM+ScFFN");
    EXPECT_LE(difference(decoder, build(folded)), same);
    EXPECT_LE(difference(decoder, build(fuse_ffns(trained(decoder)))), same);
    EXPECT_EQ(architecture_name(fuse_ffns(trained(decoder)).config), "SM+ScFuFFN");
  }
}

TEST(Surgery, FoldsScalesThroughTheResidualStream) {
  for (const auto& base : {small_gpt2(), small_pythia()}) {
    for (const char* name : {"SM+ScFFN", "SM+ScFuFFN_i1", "SM+R+ScFFN", "SM(t)+ScFuFFN_i[0]"}) {
      for (const bool tied : {true, false}) {
        for (const bool final_norm : {true, false}) {
          auto config = with_architecture(base, name);
          config.tied_head = tied;
          config.final_norm = final_norm;
          const auto decoder = make_scaled_decoder(config);
          const auto folded = fold_scales(trained(decoder));
          EXPECT_FALSE(folded.config.ffn_scaled);
          EXPECT_FALSE(folded.config.attention_scaled);
          EXPECT_EQ(folded.config.tied_head, tied && final_norm);
          EXPECT_LE(difference(decoder, build(folded)), same)
              << name << (tied ? " tied" : "") << (final_norm ? " with final norm" : "");
        }
      }
    }
  }
}

TEST(Surgery, FoldsTheTemperatureOfAHeadIntoTheQueries) {
  for (const auto form : {TemperatureForm::raw, TemperatureForm::exp, TemperatureForm::softplus}) {
    for (const auto biases : {BiasSet::all, BiasSet::none}) {
      auto config = with_architecture(small_gpt2(), "SM(h)+LN+G");
      config.temperature = form;
      config.temperature_init = 1.5;
      config.biases = biases;
      const auto decoder = make_decoder(config);
      const auto folded = fold_scales(trained(decoder));
      EXPECT_EQ(architecture_name(folded.config), "SM+LN+G");
      EXPECT_LE(difference(decoder, build(folded)), same);
    }
  }
}

/// Norms at this gate, each with a deviation of its own.
Decoder make_fixed_norm_decoder(const ModelConfig& config, double gate) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_decoder(config);
  double sigma = 0.5;
  for (auto [name, tensor] : decoder->named_state()) {
    if (name.ends_with(".sigma")) tensor.fill_(sigma += 0.3);
    if (name.ends_with(".gate")) tensor.fill_(gate);
  }
  return decoder;
}

TEST(Surgery, FoldsFixedNormsIntoWhatReadsThem) {
  for (const auto& base : {small_gpt2(), small_pythia()}) {
    for (const char* name : {"SM+LNf+G", "SM+LNf+ScFuFFN_i1", "2Q+LNf+Q"}) {
      for (const auto biases : {BiasSet::all, BiasSet::qk, BiasSet::none}) {
        for (const bool norm_bias : {true, false}) {
          auto config = with_architecture(base, name);
          config.biases = biases;
          config.norm_bias = norm_bias;
          const auto decoder = make_fixed_norm_decoder(config, 0);
          const auto folded = fold_norms(trained(decoder));
          EXPECT_EQ(folded.config.norm, NormKind::none);
          EXPECT_EQ(folded.config.biases, norm_bias ? BiasSet::all : biases);
          EXPECT_LE(difference(decoder, build(folded)), same) << name;
        }
      }
    }
  }
}

TEST(Surgery, RefusesNormsThatAreNotFixed) {
  const auto still = make_fixed_norm_decoder(with_architecture(small_gpt2(), "SM+LNf+G"), 0.25);
  EXPECT_THAT([&] { fold_norms(trained(still)); },
              ThrowsMessage<UsageError>(HasSubstr("\"blocks.0.norm1.gate\": 0.25")));
  auto untrained = trained(make_fixed_norm_decoder(with_architecture(small_gpt2(), "SM+LNf+G"), 0));
  untrained.weights["blocks.1.norm2.sigma"] = torch::zeros({1}, torch::kFloat64);
  EXPECT_THAT([&] { fold_norms(untrained); },
              ThrowsMessage<UsageError>(HasSubstr("\"blocks.1.norm2.sigma\": 0")));
  const auto never = make_decoder(with_architecture(small_gpt2(), "SM+LN+G"));
  EXPECT_THAT([&] { fold_norms(trained(never)); },
              ThrowsMessage<UsageError>(HasSubstr("model.norm: \"layernorm\"")));
}

TEST(Surgery, FoldsTheAttentionScaleOfModelsWithNorms) {
  const auto decoder = make_decoder(with_architecture(small_pythia(), "SM+LN+G"));
  const auto folded = fold_scales(trained(decoder));
  EXPECT_FALSE(folded.config.attention_scaled);
  EXPECT_LE(difference(decoder, build(folded)), same);
}

TEST(Surgery, DoesAllOfItOneAfterTheOther) {
  const auto decoder =
      with_forms(with_architecture(small_gpt2(), "SM+ScFFN"), WeightForm::spectral_norm);
  const auto folded = fold_scales(fuse_ffns(trained(decoder)));
  EXPECT_EQ(architecture_name(folded.config), "SM+FuFFN");
  EXPECT_LE(difference(decoder, build(folded)), same);
}

// A pruned block is one whose FFN adds nothing and whose beta is 1.
TEST(Surgery, PrunesAsIfTheFfnGaveZero) {
  const torch::NoGradGuard no_grad;
  auto decoder = make_scaled_decoder(with_architecture(small_gpt2(), "SM+LN+G+ScFFN"));
  const auto pruned = prune_ffns(trained(decoder), {1});
  EXPECT_EQ(architecture_name(pruned.config), "SM+LN+G+ScFFN_i[1]");
  for (auto& item : decoder->named_parameters()) {
    if (item.key().starts_with("blocks.1.ffn.w_out")) item.value().zero_();
    if (item.key() == "blocks.1.beta") item.value().fill_(1);
  }
  EXPECT_LE(difference(decoder, build(pruned)), same);
}

TEST(Surgery, NamesTheDeepestByTheirNumber) {
  const auto model = trained(make_decoder(with_architecture(small_gpt2(), "SM+LN+G")));
  EXPECT_EQ(architecture_name(prune_ffns(model, {2, 1}).config), "SM+LN+G+FFN_i2");
  EXPECT_EQ(architecture_name(prune_ffns(model, {0}).config), "SM+LN+G+FFN_i[0]");
  EXPECT_EQ(architecture_name(prune_ffns(prune_ffns(model, {1}), {2}).config), "SM+LN+G+FFN_i2");
  EXPECT_EQ(architecture_name(prune_ffns(model, {0, 1, 2}).config), "SM+LN+G+FFN_i3");
}

TEST(Surgery, RefusesWhatHasNoExactCounterpart) {
  const auto gelu = trained(make_decoder(with_architecture(small_gpt2(), "SM+LN+G")));
  EXPECT_THAT([&] { fuse_ffns(gelu); }, ThrowsMessage<UsageError>(HasSubstr("activation")));
  EXPECT_THAT([&] { prune_ffns(gelu, {3}); }, ThrowsMessage<UsageError>(HasSubstr("layer 3")));
  const auto normed = trained(make_decoder(with_architecture(small_gpt2(), "SM+LN+ScFFN")));
  EXPECT_THAT([&] { fold_scales(normed); }, ThrowsMessage<UsageError>(HasSubstr("norm")));
  auto zero = trained(make_scaled_decoder(with_architecture(small_gpt2(), "SM+ScFFN")));
  zero.weights.at("blocks.1.beta").zero_();
  EXPECT_THAT([&] { fold_scales(zero); }, ThrowsMessage<UsageError>(HasSubstr("blocks.1.beta")));
}

}  // namespace
}  // namespace aero::model
