#include "aero/model/parameters.h"

#include "tests/model/decoders.h"
#include "tests/support/autocast.h"
#include "tests/support/device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// Whole models on the tests' device, in every precision, beside float64 on the CPU.

namespace aero::model {
namespace {

using testing_support::Autocast;
using testing_support::back;
using testing_support::test_device;
using testing_support::there;

constexpr std::int64_t context = 40;

/// Large enough for the kernels that want heads of whole packs.
ModelConfig wide(ModelConfig config) {
  config.n_head = 2;
  config.d_model = 64;
  config.context = context;
  config.vocab_size = 50;
  config.temperature_init = 1;  // at 0.01 float32's digits are lost in the scores
  return config;
}

ModelConfig wide_with(const char* architecture) {
  auto config = wide(small_gpt2());
  apply_architecture(architecture, config);
  config.alpha_init = 1;
  config.temperature_init = 1;
  return config;
}

ModelConfig with(ModelConfig config, void (*change)(ModelConfig&)) {
  change(config);
  return config;
}

std::vector<NamedModel> models() {
  const auto gpt2 = wide(small_gpt2());
  return {
      {"gpt2", gpt2},
      {"pythia", wide(small_pythia())},
      {"simplified", wide(small_simplified())},
      {"softmax_only", wide_with("EReg(SM(t)+ScFuFFN_i1)")},
      {"without_norms", wide_with("SM+G")},
      {"ereg", with(gpt2, [](ModelConfig& c) { c.ereg.enabled = true; })},
      {"ereg_of_rows", with(gpt2,
                            [](ModelConfig& c) {
                              c.ereg.enabled = true;
                              c.ereg.reduction = EntropyReduction::row_sum;
                            })},
      {"ereg_pythia", with(wide(small_pythia()), [](ModelConfig& c) { c.ereg.enabled = true; })},
      {"temperature",
       with(gpt2, [](ModelConfig& c) { c.temperature = TemperatureForm::softplus; })},
      {"two_quad", with(gpt2, [](ModelConfig& c) { c.attention = AttentionKind::two_quad; })},
      {"relu", with(gpt2, [](ModelConfig& c) { c.attention = AttentionKind::relu; })},
      {"rmsnorm", with(gpt2, [](ModelConfig& c) { c.norm = NormKind::rmsnorm; })},
      {"fixed_norm", with(gpt2, [](ModelConfig& c) { c.norm = NormKind::layernorm_fixed; })},
      {"weight_norm", with(gpt2, [](ModelConfig& c) { c.qk_form = WeightForm::weight_norm; })},
      {"spectral_norm", with(gpt2, [](ModelConfig& c) { c.o_form = WeightForm::spectral_norm; })},
  };
}

struct Outcome {
  torch::Tensor logits;
  torch::Tensor loss;
  std::vector<std::pair<std::string, torch::Tensor>> gradients;
};

/// Of a decoder on some device; brought back from there.
Outcome work(DecoderImpl& decoder) {
  const auto device = decoder.device();
  const auto tokens = testing_support::tokens({3, context + 1}, 50, 5);
  const auto inputs = tokens.narrow(1, 0, context).to(device);
  auto targets = tokens.narrow(1, 1, context).clone();
  targets[1][3] = -100;
  Outcome outcome;
  outcome.logits = back(decoder.forward(inputs).detach());
  const auto loss = decoder.training_loss(inputs, targets.to(device)).total();
  loss.backward();
  outcome.loss = back(loss.detach());
  for (const auto& [name, parameter, kind] : parameters_of(decoder)) {
    outcome.gradients.emplace_back(name, back(parameter.grad()));
  }
  return outcome;
}

/// ||a - e|| / ||e||
double error(const torch::Tensor& actual, const torch::Tensor& expected) {
  return ((actual.to(torch::kFloat64) - expected).norm() / expected.norm()).item<double>();
}

/// Gradients beside the norm of all: some are 0 but for rounding.
void expect_near(const Outcome& actual, const Outcome& expected, double tolerance) {
  EXPECT_LE(error(actual.logits, expected.logits), tolerance);
  EXPECT_LE(error(actual.loss, expected.loss), tolerance);
  double squares = 0;
  for (const auto& [name, gradient] : expected.gradients) {
    squares += gradient.square().sum().item<double>();
  }
  for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
    const auto& [name, gradient] = expected.gradients[i];
    const auto difference = actual.gradients.at(i).second.to(torch::kFloat64) - gradient;
    EXPECT_LE(difference.norm().item<double>() / std::sqrt(squares), tolerance) << name;
  }
}

class PrecisionOf : public ::testing::TestWithParam<NamedModel> {
 protected:
  Decoder make(torch::ScalarType dtype, torch::Device device) const {
    auto decoder = make_decoder(GetParam().config);
    {
      const torch::NoGradGuard no_grad;  // smaller, for half precision to have digits left
      for (auto& parameter : decoder->parameters()) {
        if (parameter.dim() == 2) parameter.mul_(0.5);
      }
    }
    decoder->to(device, dtype);
    return decoder;
  }
  Outcome reference() const { return work(*make(torch::kFloat64, torch::kCPU)); }
  Outcome ours(torch::ScalarType dtype) const { return work(*make(dtype, test_device())); }
};

INSTANTIATE_TEST_SUITE_P(Models, PrecisionOf, ::testing::ValuesIn(models()),
                         [](const auto& info) { return info.param.name; });

TEST_P(PrecisionOf, Float64IsTheReferenceOnAnyDevice) {
  if (testing_support::tests_the_cpu()) GTEST_SKIP() << "it is the reference";
  expect_near(ours(torch::kFloat64), reference(), 1e-10);
}

TEST_P(PrecisionOf, Float32HasItsDigits) {
  const auto actual = ours(torch::kFloat32);
  EXPECT_EQ(actual.logits.scalar_type(), torch::kFloat32);
  expect_near(actual, reference(), 1e-4);
}

TEST_P(PrecisionOf, HalfPrecisionHasAFewDigits) {
  const auto expected = reference();
  for (const auto dtype : {torch::kBFloat16, torch::kFloat16}) {
    SCOPED_TRACE(toString(dtype));
    const Autocast autocast(dtype);
    const auto actual = ours(torch::kFloat32);
    EXPECT_EQ(actual.logits.scalar_type(), dtype);
    expect_near(actual, expected, dtype == torch::kBFloat16 ? 8e-2 : 1e-2);
  }
}

}  // namespace
}  // namespace aero::model
