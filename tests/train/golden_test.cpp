// Decoder, loss, gradients and ten optimizer steps against tensors of Hugging Face transformers and
// of a plain PyTorch decoder (tests/golden/README.md, scripts/make_golden.py).

#include "aero/checkpoint/safetensors.h"
#include "aero/config/loader.h"
#include "aero/model/decoder.h"
#include "aero/train/load_weights.h"
#include "aero/train/optimizer.h"
#include "aero/train/trainer.h"

#include "tests/support/device.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>

namespace aero::train {
namespace {

using testing_support::back;
using testing_support::test_device;
using testing_support::there;

struct Golden {
  std::string name;
  checkpoint::SafetensorsFile file;

  double tolerance() const { return is_double() ? 1e-10 : testing_support::tolerance(1e-5, 1e-4); }
  bool is_double() const { return file.tensors.at("loss").scalar_type() == torch::kFloat64; }

  bool has(const std::string& key) const { return file.tensors.contains(key); }
  checkpoint::TensorMap only(const std::string& key) const { return {{key, file.tensors.at(key)}}; }

  checkpoint::TensorMap group(const std::string& prefix) const {
    checkpoint::TensorMap result;
    for (const auto& [key, tensor] : file.tensors) {
      if (key.starts_with(prefix)) result[key.substr(prefix.size())] = tensor;
    }
    return result;
  }
};

Golden load(const std::string& name) {
  const auto folder = std::filesystem::path(AERO_SOURCE_DIR) / "tests" / "golden";
  return {name, checkpoint::load_safetensors(folder / (name + ".safetensors"))};
}

model::Decoder build(const Golden& golden) {
  model::Decoder decoder(parse_model_config(golden.file.metadata.at("config"), golden.name));
  decoder->to(test_device(), golden.file.tensors.at("loss").scalar_type());
  load_weights(*decoder, golden.group("init/"));
  return decoder;
}

double largest(const torch::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

/// Largest difference over the largest entry of the tensor, or over a hundredth of the group's
/// largest where that is more: for gradients that are zero but for rounding.
void expect_close(const checkpoint::TensorMap& actual, const checkpoint::TensorMap& expected,
                  double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  double group_scale = 0;
  for (const auto& [name, tensor] : expected) group_scale = std::max(group_scale, largest(tensor));
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    ASSERT_EQ(actual.at(name).sizes(), tensor.sizes()) << name;
    ASSERT_EQ(actual.at(name).scalar_type(), tensor.scalar_type()) << name;
    const double scale = std::max(largest(tensor), group_scale / 100);
    EXPECT_LE(largest(back(actual.at(name)) - tensor) / scale, tolerance) << name;
  }
}

class GoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, LogitsLossAndGradientsAreTheReference) {
  const auto golden = load(GetParam());
  auto decoder = build(golden);
  decoder->eval();  // spectral norm's vectors stay as given
  const auto batch = there(golden.file.tensors.at("batches")[0]);
  const auto length = batch.size(1) - 1;
  const auto inputs = batch.narrow(1, 0, length);
  const auto targets = batch.narrow(1, 1, length);

  expect_close({{"logits", decoder->forward(inputs).detach()}}, golden.only("logits"),
               golden.tolerance());
  expect_close({{"loss", decoder->loss(inputs, targets).detach()}}, golden.only("loss"),
               golden.tolerance());
  if (golden.has("entropy")) {
    std::vector<torch::Tensor> row_entropy;
    decoder->hidden(inputs, &row_entropy);
    expect_close({{"entropy", torch::stack(row_entropy).detach()}}, golden.only("entropy"),
                 golden.tolerance());
  }
  const auto loss = decoder->training_loss(inputs, targets);
  ASSERT_EQ(loss.penalty.defined(), golden.has("penalty"));
  if (golden.has("penalty")) {
    expect_close({{"penalty", loss.penalty.detach()}}, golden.only("penalty"), golden.tolerance());
  }
  loss.total().backward();
  checkpoint::TensorMap gradients;
  for (const auto& [name, parameter, kind] : model::parameters_of(*decoder)) {
    gradients[name] = parameter.grad();
  }
  expect_close(gradients, golden.group("grad/"), golden.tolerance());
}

TEST_P(GoldenTest, TenOptimizerStepsEndAtTheReferenceWeights) {
  const auto golden = load(GetParam());
  const auto settings = nlohmann::json::parse(golden.file.metadata.at("optimizer"));
  OptimizerConfig config;
  config.lr = settings["lr"];
  config.beta1 = settings["beta1"];
  config.beta2 = settings["beta2"];
  config.eps = settings["eps"];
  config.weight_decay = settings["weight_decay"];
  auto decoder = build(golden);
  const auto parameters = model::parameters_of(*decoder);
  Optimizer optimizer(config, parameters);

  const auto batches = there(golden.file.tensors.at("batches"));
  const auto length = batches.size(2) - 1;
  std::vector<double> losses;
  std::vector<double> penalties;
  std::vector<double> norms;
  for (std::int64_t step = 0; step < batches.size(0); ++step) {
    optimizer.zero_grad();
    const auto loss = decoder->training_loss(batches[step].narrow(1, 0, length),
                                             batches[step].narrow(1, 1, length));
    loss.total().backward();
    losses.push_back(loss.cross_entropy.item<double>());
    if (loss.penalty.defined()) penalties.push_back(loss.penalty.item<double>());
    norms.push_back(gradient_norm(parameters));
    clip_gradients(parameters, norms.back(), settings["clip"]);
    optimizer.step(config.lr);
  }
  const auto dtype = golden.file.tensors.at("step_loss").scalar_type();
  expect_close({{"loss", torch::tensor(losses, dtype)}, {"norm", torch::tensor(norms, dtype)}},
               {{"loss", golden.file.tensors.at("step_loss")},
                {"norm", golden.file.tensors.at("step_grad_norm")}},
               golden.tolerance());
  if (golden.has("step_penalty")) {
    expect_close({{"step_penalty", torch::tensor(penalties, dtype)}}, golden.only("step_penalty"),
                 golden.tolerance());
  }
  checkpoint::TensorMap weights;
  for (const auto& [name, tensor] : decoder->named_state()) weights[name] = tensor.detach();
  expect_close(weights, golden.group("after/"), golden.tolerance());
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  const auto folder = std::filesystem::path(AERO_SOURCE_DIR) / "tests" / "golden";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, ::testing::ValuesIn(golden_names()),
                         [](const auto& info) {
                           auto name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace aero::train
