// Parts that a user brings: by a factory, by replace_module(), by assignment.

#include "tests/support/own_parts.h"

#include "aero/core/error.h"
#include "aero/model/generation.h"
#include "aero/model/norm.h"
#include "aero/model/parameters.h"
#include "aero/model/surgery.h"

#include "tests/model/decoders.h"
#include "tests/support/faults.h"

#include <torch/nn/modules/normalization.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>

namespace aero::model {
namespace {

namespace own = testing_support::own;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::error_of;
using testing_support::largest_difference;

/// AERO's equations, brought as one's own.
class PlainFactory : public PartFactory {
 public:
  Part make_norm(const ModelConfig& config, NormKind, const Place&) const override {
    return std::make_shared<own::PlainLayerNormImpl>(config.d_model, config.norm_eps);
  }
  Part make_activation(const ModelConfig&, const Place&) const override {
    return std::make_shared<own::PlainGeluImpl>();
  }
};

std::map<std::string, ParameterKind> kinds_of(const Decoder& decoder) {
  std::map<std::string, ParameterKind> kinds;
  for (const auto& [name, value, kind] : parameters_of(*decoder)) kinds[name] = kind;
  return kinds;
}

Decoder initialized(const ModelConfig& config, const PartFactory& factory, std::uint64_t seed = 1) {
  Decoder decoder(config, factory);
  initialize(*decoder, seed);
  return decoder;
}

void copy_by_name(Decoder& to, const Decoder& from) {
  const torch::NoGradGuard no_grad;
  const auto source = from->named_parameters();
  for (auto& item : to->named_parameters()) item.value().copy_(source[item.key()]);
}

TEST(OwnParts, OfAerosEquationsComputeWhatAerosPartsDo) {
  auto expected = make_decoder(small_gpt2());
  Decoder decoder(small_gpt2(), PlainFactory());
  decoder->to(torch::kFloat64);
  copy_by_name(decoder, expected);
  const auto tokens = make_tokens(2, 12);
  EXPECT_LE(largest_difference(decoder->forward(tokens), expected->forward(tokens)), 1e-12);
  EXPECT_EQ(decoder->own_parts(),
            "aero::testing_support::own::PlainGeluImpl: blocks.0.ffn.activation "
            "blocks.1.ffn.activation; aero::testing_support::own::PlainLayerNormImpl: "
            "blocks.0.norm1 blocks.0.norm2 blocks.1.norm1 blocks.1.norm2 final_norm");
}

TEST(OwnParts, HaveTheGradientsOfFiniteDifferences) {
  own::Factory factory;
  factory.ffns = factory.first_block = true;
  auto decoder = initialized(small_gpt2(), factory);
  decoder->to(torch::kFloat64);
  const auto tokens = make_tokens(2, 12);
  const auto targets = make_tokens(2, 12).roll(1, 1);
  decoder->loss(tokens, targets).backward();
  const torch::NoGradGuard no_grad;
  constexpr double step = 1e-6;
  for (const auto& [name, value, kind] : parameters_of(*decoder)) {
    auto entry = value.view(-1)[0];
    entry += step;
    const double above = decoder->loss(tokens, targets).item<double>();
    entry -= 2 * step;
    const double below = decoder->loss(tokens, targets).item<double>();
    entry += step;
    ASSERT_TRUE(value.grad().defined()) << name;
    EXPECT_NEAR(value.grad().view(-1)[0].item<double>(), (above - below) / (2 * step), 1e-8)
        << name;
  }
}

TEST(OwnParts, AreNotAskedForWhereTheConfigHasNone) {
  auto config = small_with("SM+ScFuFFN_i1");
  config.final_norm = false;
  EXPECT_THAT(Decoder(config, own::Factory())->own_parts(), IsEmpty());
}

TEST(OwnParts, SayTheKindsOfTheirParameters) {
  own::Factory factory;
  factory.ffns = factory.first_block = true;
  const auto kinds = kinds_of(Decoder(small_gpt2(), factory));
  EXPECT_EQ(kinds.at("final_norm.weight"), ParameterKind::norm);
  EXPECT_EQ(kinds.at("blocks.1.ffn.down.weight"), ParameterKind::branch_output);
  EXPECT_EQ(kinds.at("blocks.0.alpha"), ParameterKind::scale);
  // What says nothing goes by its shape, within modules of LibTorch's, too.
  EXPECT_EQ(kinds.at("final_norm.alpha"), ParameterKind::vector);
  EXPECT_EQ(kinds.at("blocks.1.ffn.gate.weight"), ParameterKind::matrix);
  EXPECT_EQ(kinds.at("blocks.1.ffn.gate.bias"), ParameterKind::vector);
}

/// A place in a decoder by its name, and another module for it.
struct Replacement {
  const char* owner;
  const char* name;
  std::function<std::shared_ptr<torch::nn::Module>(const ModelConfig&)> make;
};

/// One of each place where a module computes.
std::vector<Replacement> replacements() {
  const auto dyt = [](const ModelConfig& c) { return std::make_shared<own::DytImpl>(c.d_model); };
  const auto swish = [](const ModelConfig& c) {
    return std::make_shared<own::SwishImpl>(c.ffn_width());
  };
  const auto linear = [](const ModelConfig& c) {
    return make_linear(c.d_model, c.d_model, true, WeightForm::plain);
  };
  return {
      {"", "final_norm", dyt},
      {"blocks.0", "norm1", dyt},
      {"blocks.1", "norm2", dyt},
      {"blocks.0.ffn", "activation", swish},
      {"blocks.0.attention", "q", linear},
      {"blocks.1.attention", "o", linear},
      {"blocks.0.ffn", "w_in",
       [](const ModelConfig& c) {
         return make_linear(c.d_model, c.ffn_width(), true, WeightForm::plain);
       }},
      {"blocks.1", "ffn",
       [](const ModelConfig& c) {
         return std::make_shared<own::GatedFfnImpl>(c.d_model, c.ffn_width());
       }},
      {"blocks", "1",
       [](const ModelConfig& c) {
         return std::make_shared<own::AverageBlockImpl>(c, Place{"blocks.1", 1}, PartFactory());
       }},
      {"", "tokens",
       [](const ModelConfig& c) {
         return std::make_shared<EmbeddingImpl>(c.vocab_size, c.d_model);
       }},
  };
}

TEST(ReplaceModule, TakesEffectWhereverAModuleComputes) {
  const torch::NoGradGuard no_grad;
  const auto tokens = make_tokens(2, 12);
  for (const auto& [owner, name, make] : replacements()) {
    const auto config = small_gpt2();
    auto decoder = initialized(config, PartFactory());
    const auto before = decoder->forward(tokens);
    const auto module = make(config);
    std::shared_ptr<torch::nn::Module> at = decoder.ptr();
    if (*owner != '\0') at = decoder->named_modules()[owner];
    at->replace_module(name, module);
    initialize(*decoder, 2);
    const auto parameters = kinds_of(decoder);
    const auto prefix = (*owner == '\0' ? "" : std::string(owner) + ".") + name + ".";
    for (const auto& item : module->named_parameters()) {
      EXPECT_TRUE(parameters.contains(prefix + item.key())) << prefix << item.key();
    }
    // What computes is what is registered: its parameters decide.
    const auto after = decoder->forward(tokens);
    EXPECT_GT(largest_difference(before, after), 1e-6) << prefix;
    for (auto& parameter : module->parameters()) parameter.mul_(1.5).add_(0.1);
    EXPECT_GT(largest_difference(decoder->forward(tokens), after), 1e-6) << prefix;
  }
}

TEST(ReplaceModule, OfTheModelsActivationReachesEveryFfn) {
  auto config = small_gpt2();
  config.activation = ActivationKind::leaky_relu;
  config.leaky_slope = LeakySlope::model;
  auto decoder = initialized(config, PartFactory());
  decoder->replace_module("activation", std::make_shared<own::SwishImpl>(config.ffn_width()));
  decoder->loss(make_tokens(2, 12), make_tokens(2, 12)).backward();
  EXPECT_TRUE(decoder->named_parameters()["activation.slope"].grad().defined());
}

TEST(ReplaceModule, OfOneOfTwoThatWereOneModuleLeavesTheOther) {
  const auto config = small_gpt2();
  auto decoder = initialized(config, PartFactory());
  auto& block = *decoder->blocks()[0];
  const auto shared = std::make_shared<own::DytImpl>(config.d_model);
  block.norm1 = shared;
  block.norm2 = shared;
  decoder->forward(make_tokens(1, 3));
  const auto other = std::make_shared<own::DytImpl>(config.d_model);
  block.replace_module("norm2", other);
  EXPECT_EQ(block.norm1.get(), shared);
  EXPECT_EQ(block.norm2.get(), other);
}

TEST(Child, IsRegisteredByAssignmentAndUnregisteredByNull) {
  auto decoder = initialized(small_gpt2(), PartFactory());
  auto& block = *decoder->blocks()[0];
  const auto norm = std::make_shared<own::DytImpl>(8);
  block.norm1 = norm;
  EXPECT_EQ(decoder->named_modules()["blocks.0.norm1"], norm);
  block.ffn = nullptr;
  EXPECT_FALSE(block.ffn);
  EXPECT_FALSE(decoder->named_modules().contains("blocks.0.ffn"));
  // As a block whose FFN is pruned.
  auto pruned = small_gpt2();
  pruned.ffn_pruned_layers = {0};
  Decoder expected(pruned);
  block.norm1 = make_norm(NormKind::layernorm, small_gpt2());
  copy_by_name(expected, decoder);
  EXPECT_EQ(largest_difference(decoder->forward(make_tokens(2, 12)),
                               expected->forward(make_tokens(2, 12))),
            0);
}

TEST(Child, NamesAModuleThatCannotStandThere) {
  auto decoder = initialized(small_gpt2(), PartFactory());
  decoder->blocks()[0]->replace_module("norm1",
                                       torch::nn::LayerNorm(torch::nn::LayerNormOptions({8})));
  EXPECT_THAT(error_of([&] { decoder->forward(make_tokens(1, 3)); }),
              AllOf(HasSubstr("\"norm1\""), HasSubstr("torch::nn::LayerNormImpl cannot stand"),
                    HasSubstr("PartImpl")));
  decoder->blocks()[0]->unregister_module("norm1");
  EXPECT_THAT(error_of([&] { decoder->forward(make_tokens(1, 3)); }),
              HasSubstr("no module is registered"));
}

TEST(OwnParts, NamesBlocksThatAreTooFewOrNone) {
  auto decoder = initialized(small_gpt2(), PartFactory());
  decoder->named_modules()["blocks"]->unregister_module("1");
  EXPECT_THAT(error_of([&] { decoder->forward(make_tokens(1, 3)); }),
              HasSubstr("1 blocks, and model.n_layer is 2"));
  decoder->named_modules()["blocks"]->register_module("1", std::make_shared<own::DytImpl>(8));
  EXPECT_THAT(error_of([&] { decoder->forward(make_tokens(1, 3)); }), HasSubstr("is no block"));
}

TEST(OwnParts, KeepTheirBuffersAndSharedTensorsOnceInACheckpoint) {
  Decoder decoder(small_pythia(), PlainFactory());
  decoder->blocks()[1]->norm1 = decoder->blocks()[0]->norm1.get();
  std::map<std::string, torch::Tensor> state;
  for (const auto& [name, tensor] : decoder->named_state()) {
    EXPECT_TRUE(state.emplace(name, tensor).second) << name;
  }
  EXPECT_EQ(state.at("blocks.0.norm1.calls").scalar_type(), torch::kInt64);
  EXPECT_TRUE(state.contains("blocks.1.norm2.calls"));
  EXPECT_TRUE(state.contains("blocks.0.norm1.weight"));
  EXPECT_FALSE(state.contains("blocks.1.norm1.weight"));  // that of blocks.0
  EXPECT_FALSE(state.contains("blocks.1.norm1.calls"));
  EXPECT_FALSE(state.contains("blocks.0.attention.position.cos"));  // follows from the config
  std::size_t norms = 0;
  for (const auto& [name, value, kind] : parameters_of(*decoder)) {
    if (name.find("norm") != std::string::npos) ++norms;
  }
  EXPECT_EQ(norms, 2U * 4U);  // weight and bias of four norms
}

/// A norm that starts itself at random.
class DrawnNormImpl : public own::PlainLayerNormImpl {
 public:
  using own::PlainLayerNormImpl::PlainLayerNormImpl;
  void initialize(const torch::Generator& generator) override {
    for (auto& parameter : parameters()) parameter.normal_(0, 1, generator);
  }
};

class DrawnNormFactory : public PartFactory {
 public:
  Part make_norm(const ModelConfig& config, NormKind, const Place&) const override {
    return std::make_shared<DrawnNormImpl>(config.d_model, config.norm_eps);
  }
};

TEST(InitializationWithOwnParts, DrawsTheSameForAerosPartsWhateverOthersThereAre) {
  const auto bare = initialized(small_gpt2(), PartFactory(), 7)->named_parameters();
  const auto with_own = initialized(small_gpt2(), DrawnNormFactory(), 7)->named_parameters();
  int compared = 0;
  for (const auto& item : bare) {
    if (item.key().find("norm") != std::string::npos) continue;
    EXPECT_TRUE(torch::equal(item.value(), with_own[item.key()])) << item.key();
    ++compared;
  }
  EXPECT_EQ(compared, 2 + 2 * 12);
}

TEST(InitializationWithOwnParts, StartsOwnPartsFromTheSeedAndTheirNamesAlone) {
  own::Factory factory;
  factory.ffns = true;
  const auto gate = [&](std::uint64_t seed, const std::string& name) {
    return initialized(small_gpt2(), factory, seed)->named_parameters()[name + ".gate.weight"];
  };
  const auto first = gate(7, "blocks.0.ffn");
  at::manual_seed(99);
  EXPECT_TRUE(torch::equal(first, gate(7, "blocks.0.ffn")));
  EXPECT_FALSE(torch::equal(first, gate(8, "blocks.0.ffn")));
  EXPECT_FALSE(torch::equal(first, gate(7 + (1ULL << 40), "blocks.0.ffn")));
  EXPECT_FALSE(torch::equal(first, gate(7, "blocks.1.ffn")));
  EXPECT_NEAR(first.std().item<double>(), 0.1, 0.02);
}

TEST(InitializationWithOwnParts, LeavesNothingOfAerosToChance) {
  for (const auto& [name, value, kind] : parameters_of(*Decoder(small_gpt2()))) {
    if (kind == ParameterKind::norm) continue;
    EXPECT_TRUE(torch::isnan(value).all().item<bool>()) << name;
  }
}

TEST(OwnParts, AreNoneInWhatAeroBuilds) {
  std::vector<ModelConfig> configs{small_gpt2(), small_pythia(), small_simplified(),
                                   small_softmax_only()};
  for (const char* name : {"SM(t)+LN+LR", "SM+WNFFN", "SM+SNFFN", "SM+LNf+G", "2Q+RMS+Q", "SM"}) {
    configs.push_back(small_with(name));
  }
  configs.push_back(small_pythia());
  configs.back().dropout_residual = configs.back().dropout_embedding = 0.1;
  configs.back().rotary_fraction = 0.5;
  for (const auto& config : configs) {
    EXPECT_THAT(Decoder(config)->own_parts(), IsEmpty()) << architecture_name(config);
  }
}

TEST(OwnParts, IncludeAPartOfAeroInPlaceOfAnother) {
  Decoder decoder(small_gpt2());
  auto config = small_gpt2();
  config.activation = ActivationKind::gelu;
  decoder->blocks()[0]->norm1 = make_norm(NormKind::rmsnorm, config);
  decoder->blocks()[1]->ffn = PartFactory().make_ffn(config, {"blocks.1.ffn", 1}, nullptr);
  EXPECT_THAT(decoder->own_parts(), AllOf(HasSubstr("RmsNormImpl: blocks.0.norm1"),
                                          HasSubstr("GeluImpl: blocks.1.ffn.activation")));
}

TEST(OwnParts, OfAConfigMustBeThoseOfTheDecoder) {
  auto config = small_gpt2();
  config.own_parts = Decoder(config, own::Factory())->own_parts();
  EXPECT_NO_THROW(Decoder(config, own::Factory()));
  EXPECT_THAT(error_of([&] { Decoder built(config); }),
              AllOf(HasSubstr("model.own_parts"), HasSubstr("own::DytImpl: blocks.0.norm1"),
                    HasSubstr("only AERO's")));
  EXPECT_THAT(error_of([&] { Decoder built(config, PlainFactory()); }),
              HasSubstr("own::PlainGeluImpl"));
  EXPECT_THAT(error_of([&] { prune_ffns({config, {}}, {0}); }), HasSubstr("model.own_parts"));
}

TEST(OwnParts, GenerateWithoutACacheWhereABlockHasNone) {
  own::Factory factory;
  factory.first_block = true;
  auto decoder = initialized(small_gpt2(), factory);
  GenerationOptions options{.max_tokens = 5};
  EXPECT_THAT(error_of([&] {
                generate(decoder, {1, 2}, options);
              }),
              AllOf(HasSubstr("AverageBlockImpl"), HasSubstr("use_cache")));
  options.use_cache = false;
  EXPECT_EQ(generate(decoder, {1, 2}, options).size(), 5U);
}

TEST(OwnParts, GenerateTheSameWithACacheAndWithout) {
  own::Factory factory;
  factory.ffns = true;
  auto decoder = initialized(small_gpt2(), factory);
  GenerationOptions options{.max_tokens = 9};
  const auto cached = generate(decoder, {1, 2}, options);
  options.use_cache = false;
  EXPECT_EQ(generate(decoder, {1, 2}, options), cached);
  // The logits of so small a model change its drawn tokens little, so they are compared, too.
  const torch::NoGradGuard no_grad;
  const auto tokens = make_tokens(1, 12);
  const auto expected = decoder->forward(tokens);
  auto cache = decoder->make_cache(1);
  for (std::int64_t t = 0; t < 12; ++t) {
    const auto logits = decoder->forward_cached(tokens.narrow(1, t, 1), cache);
    EXPECT_LE(largest_difference(logits, expected.narrow(1, t, 1)), 1e-6);
  }
}

TEST(OwnParts, ThatReportNoEntropyCannotBeRegularised) {
  own::Factory factory;
  factory.first_block = true;
  auto config = small_with("EReg(SM+LN+G)");
  auto decoder = initialized(config, factory);
  EXPECT_THAT(error_of([&] { decoder->training_loss(make_tokens(1, 12), make_tokens(1, 12)); }),
              HasSubstr("block 0 reports no attention entropy"));
}

}  // namespace
}  // namespace aero::model
