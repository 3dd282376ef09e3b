// Training of decoders with parts that a user brings.

#include "tests/support/own_parts.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/model/initialization.h"
#include "aero/train/entropy_watch.h"
#include "aero/train/evaluation.h"
#include "aero/train/load_weights.h"
#include "aero/train/nonfinite_guard.h"
#include "aero/train/open_corpus.h"
#include "aero/train/trainer.h"
#include "aero/train/warm_start.h"

#include "tests/support/faults.h"
#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

namespace aero::train {
namespace {

namespace own = testing_support::own;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::error_of;

class OwnPartsTest : public ::testing::Test {
 protected:
  OwnPartsTest() {
    testing_support::write_square_tokens(folder_.path() / "train.bin");
    factory_.ffns = true;
  }

  RunConfig config(const std::vector<Override>& changes = {}) const {
    std::vector<Override> overrides{"model.n_layer=2",     "model.n_head=2",
                                    "model.d_model=16",    "model.context=8",
                                    "model.vocab_size=29", "train.batch_size=6",
                                    "train.duration=20",   "train.device=cpu",
                                    "data.format=nanogpt", "data.path=" + folder_.path().string(),
                                    "optimizer.lr=1e-2",   "model.dropout.residual=0.1"};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    return default_config(overrides);
  }

  model::Decoder decoder_of(const RunConfig& config) const {
    model::Decoder decoder(config.model, factory_);
    model::initialize(*decoder, static_cast<std::uint64_t>(config.seed));
    return decoder;
  }

  Trainer trainer_for(const RunConfig& config) const {
    return Trainer(config, open_corpus(config, "train"), decoder_of(config));
  }

  own::Factory factory_;
  testing_support::TemporaryFolder folder_;
};

/// Does something at the end of a step.
class AtStep : public Callback {
 public:
  AtStep(std::int64_t step, std::function<void(Trainer&)> act)
      : step_(step), act_(std::move(act)) {}
  void on_step(Trainer& trainer, const StepRecord& record) override {
    if (record.step == step_) act_(trainer);
  }

 private:
  std::int64_t step_;
  std::function<void(Trainer&)> act_;
};

class KeepsEntropy : public Callback {
 public:
  explicit KeepsEntropy(std::vector<EntropyRecord>& records) : records_(records) {}
  void on_entropy(Trainer&, const EntropyRecord& record) override { records_.push_back(record); }

 private:
  std::vector<EntropyRecord>& records_;
};

void expect_equal(const checkpoint::TensorMap& actual, const checkpoint::TensorMap& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    EXPECT_TRUE(torch::equal(actual.at(name), tensor)) << name;
  }
}

checkpoint::TensorMap copy_of(const checkpoint::TensorMap& tensors) {
  checkpoint::TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.clone();
  return copies;
}

TEST_F(OwnPartsTest, AreTrainedEveryOne) {
  factory_.first_block = true;
  auto trainer = trainer_for(config());
  const auto before = copy_of(trainer.state().weights);
  EXPECT_EQ(trainer.run(), Outcome::finished);
  EXPECT_TRUE(before.contains("blocks.0.norm1.alpha"));
  EXPECT_TRUE(before.contains("blocks.0.mix.weight"));
  EXPECT_TRUE(before.contains("blocks.1.ffn.gate.weight"));
  for (const auto& [name, tensor] : trainer.state().weights) {
    EXPECT_FALSE(torch::equal(tensor, before.at(name))) << name;
  }
}

TEST_F(OwnPartsTest, Learn) {
  auto trainer = trainer_for(config({"train.duration=200"}));
  const auto corpus = open_corpus(config(), "train");
  const double before = evaluate(trainer.decoder(), corpus, {})->loss;
  trainer.run();
  EXPECT_NEAR(before, std::log(29), 0.3);
  EXPECT_LT(evaluate(trainer.decoder(), corpus, {})->loss, 0.9 * before);
}

// The first step of a run with decay and of one without differ by lr x decay x parameter in what
// decays, and in nothing else.
TEST_F(OwnPartsTest, DecayByTheirKinds) {
  const std::vector<Override> one{"train.duration=1", "schedule.warmup=0",
                                  "schedule.name=constant"};
  const auto after_a_step = [&](const char* decay) {
    auto changes = one;
    changes.push_back(std::string("optimizer.weight_decay=") + decay);
    auto trainer = trainer_for(config(changes));
    trainer.run();
    return trainer.state().weights;
  };
  const auto start = copy_of(trainer_for(config(one)).state().weights);
  const auto bare = after_a_step("0");
  const auto decayed = after_a_step("0.5");
  for (const auto& [name, tensor] : start) {
    const bool decays =
        tensor.dim() == 2;  // matrices and embeddings; norms, slopes, vectors do not
    const auto expected = decays ? bare.at(name) - 1e-2 * 0.5 * tensor : bare.at(name);
    EXPECT_LE((decayed.at(name) - expected).abs().max().item<double>(), decays ? 1e-6 : 0) << name;
  }
}

TEST_F(OwnPartsTest, GoOnFromACheckpointWithTheSameBits) {
  const auto run = config();
  auto whole = trainer_for(run);
  whole.run();

  auto first = trainer_for(run);
  first.add(std::make_unique<AtStep>(8, [](Trainer& at) { at.stop(Outcome::interrupted); }));
  EXPECT_EQ(first.run(), Outcome::interrupted);
  auto saved = first.state();
  const auto through_a_file = [&](checkpoint::TensorMap& tensors) {
    checkpoint::save_safetensors(folder_.path() / "tensors", tensors);
    tensors = checkpoint::load_safetensors(folder_.path() / "tensors").tensors;
  };
  through_a_file(saved.weights);
  through_a_file(saved.optimizer);

  auto resumed = trainer_for(run);
  resumed.restore(saved);
  EXPECT_EQ(resumed.run(), Outcome::finished);
  expect_equal(resumed.state().weights, whole.state().weights);
  expect_equal(resumed.state().optimizer, whole.state().optimizer);
}

TEST_F(OwnPartsTest, StandInTheConfigOfACheckpoint) {
  const auto run = config({"train.duration=2"});
  auto trainer = trainer_for(run);
  trainer.run();
  const auto saved = folder_.path() / "run";
  checkpoint::save_model(saved, trainer.state().weights, trainer.config());
  const auto model = checkpoint::load_checkpoint_config(saved).model;
  EXPECT_THAT(model.own_parts, AllOf(HasSubstr("own::DytImpl: blocks.0.norm1"),
                                     HasSubstr("own::GatedFfnImpl: blocks.0.ffn blocks.1.ffn")));
  // Without the factory it is refused, with it it computes the same.
  EXPECT_THAT(error_of([&] { model::Decoder without(model); }), HasSubstr("model.own_parts"));
  model::Decoder again(model, factory_);
  load_weights(*again, checkpoint::load_weights(saved));
  const auto corpus = open_corpus(run, "train");
  EXPECT_EQ(evaluate(again, corpus, {})->loss, evaluate(trainer.decoder(), corpus, {})->loss);
}

TEST_F(OwnPartsTest, WithoutTensorsAreNotTakenForAeros) {
  const auto run = config({"train.duration=1"});
  auto decoder = decoder_of(run);
  decoder->blocks()[0]->ffn =
      model::PartFactory().make_ffn(run.model, {"blocks.0.ffn", 0}, nullptr);
  decoder->named_modules()["blocks.0.ffn"]->replace_module(
      "activation", std::make_shared<own::SquaredReluImpl>());
  model::initialize(*decoder, 1);
  Trainer trainer(run, open_corpus(run, "train"), decoder);
  EXPECT_THAT(trainer.config().model.own_parts,
              HasSubstr("own::SquaredReluImpl: blocks.0.ffn.activation"));
}

TEST_F(OwnPartsTest, OfADecoderThatAeroBuildsAreNone) {
  const auto run = config();
  EXPECT_THAT(Trainer(run, open_corpus(run, "train")).config().model.own_parts, IsEmpty());
  model::Decoder plain(run.model);
  EXPECT_THAT(Trainer(run, open_corpus(run, "train"), plain).config().model.own_parts, IsEmpty());
}

TEST_F(OwnPartsTest, MayBeReplacedUntilTheTrainerIsBuilt) {
  const auto run = config({"train.duration=3"});
  model::Decoder decoder(run.model);
  const auto norm = std::make_shared<own::DytImpl>(16);
  decoder->blocks()[1]->replace_module("norm2", norm);
  model::initialize(*decoder, 1);
  Trainer trainer(run, open_corpus(run, "train"), decoder);
  trainer.run();
  EXPECT_FALSE(torch::equal(norm->weight, torch::ones({16})));
  EXPECT_TRUE(trainer.state().weights.contains("blocks.1.norm2.alpha"));
}

TEST_F(OwnPartsTest, AreRefusedByRunWhereTheyCameLater) {
  const auto replace = [](Trainer& trainer, const char* name, const model::Part& part) {
    trainer.decoder()->blocks()[1]->replace_module(name, part);
  };
  auto norm = trainer_for(config());
  replace(norm, "norm2", std::make_shared<own::PlainLayerNormImpl>(16, 1e-5));
  EXPECT_THAT(error_of([&] { norm.run(); }),
              AllOf(HasSubstr("\"blocks.1.norm2.weight\""), HasSubstr("before the trainer")));
  EXPECT_EQ(norm.step(), 0);

  auto gone = trainer_for(config());
  gone.decoder()->blocks()[1]->ffn = nullptr;
  EXPECT_THAT(error_of([&] { gone.run(); }),
              AllOf(HasSubstr("blocks.1.ffn."), HasSubstr("not one of the decoder's")));

  // Only the type gives this one away.
  factory_.ffns = factory_.activations = false;
  auto activation = trainer_for(config());
  activation.decoder()->named_modules()["blocks.0.ffn"]->replace_module(
      "activation", std::make_shared<own::SquaredReluImpl>());
  EXPECT_THAT(error_of([&] { activation.run(); }), HasSubstr("SquaredReluImpl"));

  auto wide = trainer_for(config());
  wide.decoder()->to(torch::kFloat64);
  EXPECT_THAT(error_of([&] { wide.run(); }),
              AllOf(HasSubstr("\"tokens.weight\""), HasSubstr("dtype or device")));
}

TEST_F(OwnPartsTest, AreRefusedInTheMiddleOfARun) {
  auto trainer = trainer_for(config());
  trainer.add(std::make_unique<AtStep>(2, [](Trainer& at) {
    at.decoder()->blocks()[0]->norm1 = std::make_shared<own::DytImpl>(16);
  }));
  EXPECT_THAT(error_of([&] { trainer.run(); }), HasSubstr("\"blocks.0.norm1.alpha\""));
  EXPECT_EQ(trainer.step(), 2);
}

TEST_F(OwnPartsTest, SharedByLayersTakeOneUpdateAStep) {
  const auto run = config({"train.duration=1", "schedule.warmup=0", "schedule.name=constant",
                           "optimizer.weight_decay=0"});
  auto decoder = decoder_of(run);
  decoder->blocks()[1]->norm1 = decoder->blocks()[0]->norm1.get();
  Trainer trainer(run, open_corpus(run, "train"), decoder);
  const auto before = trainer.state().weights.at("blocks.0.norm1.alpha").clone();
  trainer.run();
  // Adam's first step is nearly lr whatever the gradient; two would be twice that.
  const auto moved = (trainer.state().weights.at("blocks.0.norm1.alpha") - before).abs();
  EXPECT_NEAR(moved.item<double>(), 1e-2, 1e-3);
}

/// Scales in float64.
class WideScaleImpl : public model::PartImpl {
 public:
  WideScaleImpl() { alpha_ = register_parameter("alpha", torch::ones({16}, torch::kFloat64)); }
  torch::Tensor forward(const torch::Tensor& x) override {
    return (x * alpha_).to(x.scalar_type());
  }

 private:
  torch::Tensor alpha_;
};

TEST_F(OwnPartsTest, OfAnotherPrecisionAreTrainedInTheirs) {
  const auto run = config({"train.duration=2"});
  auto decoder = decoder_of(run);
  decoder->blocks()[0]->norm1 = std::make_shared<WideScaleImpl>();
  Trainer trainer(run, open_corpus(run, "train"), decoder);
  EXPECT_EQ(trainer.run(), Outcome::finished);
  const auto state = trainer.state();
  const auto& alpha = state.weights.at("blocks.0.norm1.alpha");
  EXPECT_EQ(alpha.scalar_type(), torch::kFloat64);
  EXPECT_TRUE(alpha.ne(1).all().item<bool>());
  EXPECT_EQ(state.optimizer.at("exp_avg.blocks.0.norm1.alpha").scalar_type(), torch::kFloat64);
}

TEST_F(OwnPartsTest, ThatNobodyFilledAreRefused) {
  const auto run = config();
  Trainer trainer(run, open_corpus(run, "train"), model::Decoder(run.model, factory_));
  EXPECT_THAT(error_of([&] { trainer.run(); }),
              AllOf(HasSubstr("\"tokens.weight\""), HasSubstr("model::initialize()")));
}

TEST_F(OwnPartsTest, OfADecoderOfAnotherConfigAreRefused) {
  const auto run = config();
  auto decoder = decoder_of(config({"model.norm_eps=1e-3"}));
  EXPECT_THAT(error_of([&] { Trainer trainer(run, open_corpus(run, "train"), decoder); }),
              HasSubstr("another config"));
  EXPECT_THAT(
      error_of([&] { Trainer trainer(run, open_corpus(run, "train"), model::Decoder(nullptr)); }),
      HasSubstr("empty"));
}

TEST_F(OwnPartsTest, ThatACheckpointLacksOrHasMoreAreAllNamed) {
  const auto run = config();
  auto with_own = decoder_of(run);
  checkpoint::TensorMap weights;
  for (const auto& [name, tensor] : with_own->named_state()) weights[name] = tensor.detach();
  model::Decoder plain(run.model);
  EXPECT_THAT(
      error_of([&] { load_weights(*plain, weights); }),
      AllOf(HasSubstr("no parameter \"blocks.0.ffn.down.weight\""),
            HasSubstr("checkpoint lacks \"blocks.0.ffn.w_in.bias\""), HasSubstr("and 4 more;")));
  // Nothing half-written.
  EXPECT_TRUE(torch::isnan(plain->named_parameters()["tokens.weight"]).all().item<bool>());
}

TEST_F(OwnPartsTest, ThatReportNoEntropyAreNotWatched) {
  factory_.first_block = true;
  factory_.ffns = false;
  const auto run = config({"train.duration=2", "entropy.every=1", "entropy.batches=1",
                           "model.architecture=SM(t)+LN+G", "model.dropout.attention=0"});
  auto trainer = trainer_for(run);
  std::vector<EntropyRecord> records;
  const auto held_out = std::make_shared<const data::Corpus>(open_corpus(run, "train"));
  trainer.add(std::make_unique<EntropyWatch>(held_out, [] { return true; }));
  trainer.add(std::make_unique<KeepsEntropy>(records));
  EXPECT_EQ(trainer.run(), Outcome::finished);
  ASSERT_EQ(records.size(), 3U);
  for (const auto& record : records) {
    EXPECT_TRUE(std::isnan(record.statistics.mean[0][0]));
    EXPECT_GT(record.statistics.mean[1][0], 0);
    EXPECT_EQ(record.statistics.nonfinite_rows, (std::vector<std::int64_t>{0, 0}));
    EXPECT_NE(record.states[0], EntropyState::nonfinite);
    EXPECT_TRUE(std::isnan(record.scalars.by_head.at("temperature")[0][0]));
    EXPECT_GT(record.scalars.by_head.at("temperature")[1][0], 0);
    // alpha of the first block and slope of the activations are no scalars.
    EXPECT_FALSE(record.scalars.by_layer.contains("alpha"));
    EXPECT_FALSE(record.scalars.by_layer.contains("slopes"));
  }
}

TEST_F(OwnPartsTest, ThatAreNotFiniteAreNamed) {
  auto trainer = trainer_for(config());
  std::string parameter;
  class Keeps : public Callback {
   public:
    explicit Keeps(std::string& name) : name_(name) {}
    void on_nonfinite(Trainer&, const NonfiniteEvent& event) override { name_ = event.parameter; }

   private:
    std::string& name_;
  };
  trainer.add(std::make_unique<NonfiniteGuard>());
  trainer.add(std::make_unique<Keeps>(parameter));
  trainer.add(std::make_unique<AtStep>(1, [](Trainer& at) {
    const torch::NoGradGuard no_grad;
    at.decoder()->named_parameters()["blocks.1.ffn.gate.bias"][0] =
        std::numeric_limits<float>::quiet_NaN();
  }));
  EXPECT_EQ(trainer.run(), Outcome::nonfinite);
  EXPECT_EQ(parameter, "blocks.1.ffn.gate.bias");
}

TEST_F(OwnPartsTest, BeginAnewInAWarmStart) {
  const auto run = config();
  model::Decoder plain(run.model);
  model::initialize(*plain, 1);
  checkpoint::TensorMap weights;
  for (const auto& [name, tensor] : plain->named_state()) weights[name] = tensor.detach();
  checkpoint::save_model(folder_.path() / "plain", weights, run);
  auto decoder = decoder_of(config({"seed=3"}));
  const auto start = warm_start(*decoder, folder_.path() / "plain");
  EXPECT_THAT(start.fresh, ::testing::Contains("blocks.0.ffn.gate.weight"));
  EXPECT_THAT(start.unused, ::testing::Contains("blocks.0.ffn.w_in.weight"));
  EXPECT_TRUE(torch::equal(decoder->named_parameters()["tokens.weight"],
                           plain->named_parameters()["tokens.weight"]));
}

}  // namespace
}  // namespace aero::train
