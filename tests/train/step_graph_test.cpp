#include "aero/train/step_graph.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/model/initialization.h"
#include "aero/train/evaluator.h"
#include "aero/train/nonfinite_guard.h"
#include "aero/train/open_corpus.h"
#include "aero/train/trainer.h"

#include "tests/support/cpu_recorder.h"
#include "tests/support/device.h"
#include "tests/support/faults.h"
#include "tests/support/own_parts.h"
#include "tests/support/square_tokens.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace aero::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_support::CpuRecorder;
using testing_support::error_of;
using testing_support::test_device;

constexpr int steps = 16;

checkpoint::TensorMap copy_of(const checkpoint::TensorMap& tensors) {
  checkpoint::TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.cpu().clone();
  return copies;
}

void expect_equal(const checkpoint::TensorMap& actual, const checkpoint::TensorMap& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    EXPECT_TRUE(torch::equal(actual.at(name), tensor)) << name;
  }
}

/// Everything that a run says and leaves behind.
struct Trace {
  std::vector<StepRecord> records;
  std::vector<Evaluation> evaluations;
  std::vector<NonfiniteEvent> events;
  checkpoint::TensorMap weights, moments;
};

void expect_same_bits(const Trace& actual, const Trace& expected) {
  ASSERT_EQ(actual.records.size(), expected.records.size());
  for (std::size_t i = 0; i < expected.records.size(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i + 1));
    EXPECT_EQ(actual.records[i].loss, expected.records[i].loss);
    EXPECT_EQ(actual.records[i].grad_norm, expected.records[i].grad_norm);
    EXPECT_EQ(actual.records[i].penalty, expected.records[i].penalty);
    EXPECT_EQ(actual.records[i].updated, expected.records[i].updated);
  }
  ASSERT_EQ(actual.evaluations.size(), expected.evaluations.size());
  for (std::size_t i = 0; i < expected.evaluations.size(); ++i) {
    EXPECT_EQ(actual.evaluations[i].loss, expected.evaluations[i].loss);
  }
  expect_equal(actual.weights, expected.weights);
  expect_equal(actual.moments, expected.moments);
}

class Watch : public Callback {
 public:
  explicit Watch(Trace& trace) : trace_(trace) {}
  void on_step(Trainer&, const StepRecord& record) override { trace_.records.push_back(record); }
  void on_evaluation(Trainer&, const Evaluation& evaluation) override {
    trace_.evaluations.push_back(evaluation);
  }
  void on_nonfinite(Trainer&, const NonfiniteEvent& event) override {
    trace_.events.push_back(event);
  }

 private:
  Trace& trace_;
};

class AtStep : public Callback {
 public:
  using Act = std::function<void(Trainer&)>;
  AtStep(std::int64_t step, Act act) : step_(step), act_(std::move(act)) {}
  void on_step(Trainer& trainer, const StepRecord& record) override {
    if (record.step == step_) act_(trainer);
  }

 private:
  std::int64_t step_;
  Act act_;
};

class StepGraphTest : public ::testing::Test {
 protected:
  StepGraphTest() { testing_support::write_square_tokens(folder_.path() / "train.bin"); }

  RunConfig config(const std::vector<Override>& changes = {}) const {
    std::vector<Override> overrides{
        "model.n_layer=2",     "model.n_head=2",
        "model.d_model=16",    "model.context=8",
        "model.vocab_size=29", "train.batch_size=6",
        "train.device=cpu",    "train.duration=" + std::to_string(steps),
        "data.format=nanogpt", "data.path=" + folder_.path().string(),
        "optimizer.lr=1e-2",   "eval.every=7"};
    overrides.insert(overrides.end(), changes.begin(), changes.end());
    return default_config(overrides);
  }

  /// The run of a trainer as `prepare` leaves it.
  static Trace trace_of(const RunConfig& config, const AtStep::Act& prepare) {
    Trace trace;
    Trainer trainer(config, open_corpus(config, "train"));
    trainer.add(std::make_unique<NonfiniteGuard>());
    trainer.add(std::make_unique<Evaluator>(
        std::make_shared<data::Corpus>(open_corpus(config, "train")), [] { return true; }));
    trainer.add(std::make_unique<Watch>(trace));
    prepare(trainer);
    trainer.run();
    trace.weights = copy_of(trainer.state().weights);
    trace.moments = copy_of(trainer.state().optimizer);
    return trace;
  }

  static Trace eager(
      const RunConfig& config, const AtStep::Act& prepare = [](Trainer&) {}) {
    return trace_of(config, prepare);
  }

  Trace replayed(
      const RunConfig& config, const AtStep::Act& prepare = [](Trainer&) {}) {
    return trace_of(config, [&](Trainer& trainer) {
      trainer.record_steps(std::make_unique<CpuRecorder>(trainer.decoder(), calls_));
      prepare(trainer);
    });
  }

  testing_support::TemporaryFolder folder_;
  CpuRecorder::Calls calls_;
};

struct Case {
  std::string name;
  std::vector<Override> changes;
  int recordings = 1;
};

std::vector<Case> cases() {
  return {
      {"gpt2", {}},
      {"pythia", {"model.family=pythia"}},
      {"simplified", {"model.family=simplified", "model.architecture=SM+LN+G+ScFFN"}},
      {"dropout",
       {"model.dropout.embedding=0.1", "model.dropout.attention=0.1",
        "model.dropout.residual=0.1"}},
      {"micro_batches", {"train.batch_size=2", "train.accumulation=3"}},
      {"penalty_and_temperature",
       {"model.architecture=EReg(SM(t)+ScFuFFN)", "model.temperature_init=1",
        "train.accumulation=2"}},
      {"spectral_norm", {"model.o_form=spectral_norm"}},
      // Two states with a passage between them.
      {"fixed_norm",
       {"model.architecture=SM+LNf+G", "model.norm_fixed.start=0.5", "model.norm_fixed.end=0.75"},
       2},
      {"bfloat16", {"train.dtype=bfloat16"}},
      {"float16", {"train.dtype=float16"}},
      {"clipped", {"train.clip=0.1"}},
  };
}

class StepGraphOf : public StepGraphTest, public ::testing::WithParamInterface<Case> {};

INSTANTIATE_TEST_SUITE_P(Runs, StepGraphOf, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(StepGraphOf, EndsWithTheBitsOfARunWithout) {
  const auto run = config(GetParam().changes);
  expect_same_bits(replayed(run), eager(run));
  EXPECT_EQ(calls_.recordings, GetParam().recordings);
  EXPECT_GE(calls_.runs, StepGraph::warm_up * GetParam().recordings);
  EXPECT_EQ(calls_.runs + calls_.replays, steps);
}

TEST_P(StepGraphOf, EndsWithTheSameBitsOnAGpu) {
  if (testing_support::tests_the_cpu()) GTEST_SKIP() << "there are no graphs";
  auto run = config(GetParam().changes);
  run.train.device = test_device().str();
  run.train.deterministic = true;
  set_arithmetic(run.train);
  const auto expected = eager(run);
  run.train.cuda_graphs = true;
  const auto actual = eager(run);
  set_arithmetic({});
  expect_same_bits(actual, expected);
}

TEST_F(StepGraphTest, GoesOnAcrossAResume) {
  const auto run = config({"model.dropout.residual=0.1"});
  checkpoint::Checkpoint saved;
  auto half = replayed(run, [&](Trainer& trainer) {
    trainer.add(std::make_unique<AtStep>(6, [&](Trainer& stopping) {
      saved = stopping.state();
      saved.weights = copy_of(saved.weights);
      saved.optimizer = copy_of(saved.optimizer);
      stopping.stop(Outcome::interrupted);
    }));
  });
  auto whole = replayed(run, [&](Trainer& trainer) { trainer.restore(saved); });
  whole.records.insert(whole.records.begin(), half.records.begin(), half.records.end());
  expect_same_bits(whole, eager(run));
  EXPECT_EQ(calls_.recordings, 2);
}

TEST_F(StepGraphTest, RecordsAnewWhereAParameterLiesElsewhere) {
  const auto move = [](Trainer& trainer) {
    trainer.add(std::make_unique<AtStep>(6, [](Trainer& moving) {
      auto weight = moving.parameters().front().value;
      weight.set_data(weight.detach() * 0.5);
    }));
  };
  expect_same_bits(replayed(config(), move), eager(config(), move));
  EXPECT_EQ(calls_.recordings, 2);
}

TEST_F(StepGraphTest, RecordsAnewWhereAParameterIsNoLongerTrained) {
  const auto freeze = [](Trainer& trainer) {
    trainer.add(std::make_unique<AtStep>(6, [](Trainer& freezing) {
      auto weight = freezing.parameters().front().value;
      weight.requires_grad_(false);
    }));
  };
  expect_same_bits(replayed(config(), freeze), eager(config(), freeze));
  EXPECT_EQ(calls_.recordings, 2);
}

TEST_F(StepGraphTest, LetsTheGuardFindWhatIsNotFinite) {
  const auto poison = [](Trainer& trainer) {
    trainer.add(std::make_unique<AtStep>(6, [](Trainer& poisoning) {
      const torch::NoGradGuard no_grad;
      for (const auto& [name, value, kind] : poisoning.parameters()) {
        if (name == "blocks.1.ffn.w_in.weight") {
          value.view(-1)[0] = std::numeric_limits<float>::quiet_NaN();
        }
      }
    }));
  };
  const auto trace = replayed(config(), poison);
  ASSERT_EQ(trace.events.size(), 1U);
  EXPECT_EQ(trace.events[0].step, 7);
  EXPECT_EQ(trace.events[0].quantity, "loss");
  EXPECT_EQ(trace.events[0].layer, "blocks.1");
  EXPECT_EQ(trace.events[0].parameter, "blocks.1.ffn.w_in.weight");
}

/// Batches of which each ignores other targets, in each pass more of them.
StepInputs inputs_with_ignored_targets(int pass) {
  StepInputs inputs;
  std::vector<double> weights;
  for (int i = 0; i < 2; ++i) {
    const auto tokens = (torch::arange(48).view({6, 8}) * (pass + i + 3)) % 29;
    auto targets = (tokens + 1) % 29;
    targets.view(-1).narrow(0, 0, 3 * pass + 7 * i).fill_(data::ignored_target);
    inputs.batches.push_back({tokens, targets});
    weights.push_back(48 - 3 * pass - 7 * i);
  }
  inputs.weights = torch::tensor(weights, torch::kFloat64);
  inputs.weights /= inputs.weights.sum();
  return inputs;
}

TEST_F(StepGraphTest, TakesTheTargetsOfEachPass) {
  const auto run = config();
  model::Decoder decoder(run.model);
  model::initialize(*decoder, 1);
  auto parameters = model::parameters_of(*decoder);
  TrainingPass pass(run, decoder, parameters);
  StepGraph graph(std::make_unique<CpuRecorder>(decoder, calls_), pass, parameters);
  const auto forget_gradients = [&] {
    for (auto& parameter : parameters) parameter.value.mutable_grad() = torch::Tensor();
  };
  for (int i = 0; i < 8; ++i) {
    SCOPED_TRACE(i);
    const auto inputs = inputs_with_ignored_targets(i);
    forget_gradients();
    const auto expected = pass(inputs);
    std::vector<torch::Tensor> gradients;
    for (const auto& parameter : parameters) gradients.push_back(parameter.value.grad());
    forget_gradients();
    EXPECT_TRUE(torch::equal(graph.run(inputs, 1), expected));
    for (std::size_t j = 0; j < parameters.size(); ++j) {
      EXPECT_TRUE(torch::equal(parameters[j].value.grad(), gradients[j])) << parameters[j].name;
    }
    // The mean over all targets.
    const torch::NoGradGuard no_grad;
    const auto joined =
        decoder->loss(torch::cat({inputs.batches[0].inputs, inputs.batches[1].inputs}),
                      torch::cat({inputs.batches[0].targets, inputs.batches[1].targets}));
    EXPECT_NEAR(pass.read(expected).loss, joined.item<double>(), 1e-6);
  }
  EXPECT_EQ(calls_.replays, 8 - StepGraph::warm_up);
}

/// What a recording meets that would read the device.
class Unrecordable : public CpuRecorder {
 public:
  using CpuRecorder::CpuRecorder;
  torch::Tensor record(const Work& /*work*/) override {
    TORCH_CHECK(false, "operation not permitted when stream is capturing");
  }
};

TEST_F(StepGraphTest, SaysThatAStepCannotBeRecorded) {
  const auto fault = error_of([&] {
    trace_of(config(), [&](Trainer& trainer) {
      trainer.record_steps(std::make_unique<Unrecordable>(trainer.decoder(), calls_));
    });
  });
  EXPECT_THAT(fault, AllOf(HasSubstr("train.cuda_graphs: true: "), HasSubstr("not permitted"),
                           HasSubstr("set it to false")));
  EXPECT_EQ(calls_.runs, StepGraph::warm_up);
}

TEST_F(StepGraphTest, NeedsAGpu) {
  const auto run = config({"train.cuda_graphs=true"});
  EXPECT_EQ(error_of([&] { Trainer(run, open_corpus(run, "train")); }),
            "train.cuda_graphs: true: needs a GPU, and the run's device is cpu; set it to false, "
            "or train.device to a GPU");
}

TEST_F(StepGraphTest, TakesNoPartsThatAProgramBrought) {
  const auto run = config({"train.cuda_graphs=true"});
  testing_support::own::Factory factory;
  factory.activations = false;
  model::Decoder decoder(run.model, factory);
  EXPECT_THAT(error_of([&] { Trainer(run, open_corpus(run, "train"), decoder); }),
              AllOf(HasSubstr("train.cuda_graphs: true: "), HasSubstr("blocks.0.norm1"),
                    HasSubstr("set it to false")));
}

}  // namespace
}  // namespace aero::train
