#include "aero/train/step_graph.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/ops/cuda_graphs.h"

#include <c10/util/Exception.h>

#include <utility>

namespace aero::train {
namespace {

StepInputs like(const StepInputs& inputs) {
  StepInputs result;
  for (const auto& batch : inputs.batches) {
    result.batches.push_back({torch::empty_like(batch.inputs), torch::empty_like(batch.targets)});
  }
  result.weights = torch::empty_like(inputs.weights);
  if (inputs.loss_scale.defined()) result.loss_scale = torch::empty_like(inputs.loss_scale);
  return result;
}

void copy(const StepInputs& from, StepInputs& to) {
  for (std::size_t i = 0; i < from.batches.size(); ++i) {
    to.batches[i].inputs.copy_(from.batches[i].inputs);
    to.batches[i].targets.copy_(from.batches[i].targets);
  }
  to.weights.copy_(from.weights);
  if (from.loss_scale.defined()) to.loss_scale.copy_(from.loss_scale);
}

}  // namespace

StepGraph::StepGraph(std::unique_ptr<ops::GraphRecorder> recorder, TrainingPass pass,
                     NamedParameters parameters)
    : recorder_(std::move(recorder)), pass_(std::move(pass)), parameters_(std::move(parameters)) {}

torch::Tensor StepGraph::run(const StepInputs& inputs, double gate) {
  HostState host{gate, {}};
  for (const auto& [name, value, kind] : parameters_) {
    host.parameters.emplace_back(value.data_ptr(), value.requires_grad());
  }
  if (host != host_) {
    forget();
    host_ = std::move(host);
  }
  if (passes_ < warm_up) {
    ++passes_;
    return recorder_->run([&] { return pass_(inputs); });
  }
  if (!measured_.defined()) inputs_ = like(inputs);
  copy(inputs, inputs_);
  if (!measured_.defined()) record();
  recorder_->replay();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].value.mutable_grad() = gradients_[i];
  }
  return measured_;
}

void StepGraph::forget() {
  recorder_->forget();
  passes_ = 0;
  inputs_ = {};
  measured_ = torch::Tensor();
  gradients_.clear();
}

void StepGraph::record() {
  try {
    measured_ = recorder_->record([this, inputs = inputs_] { return pass_(inputs); });
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error(
        fmt::format("train.cuda_graphs: true: a step cannot be recorded: {}; set it to false",
                    error.what_without_backtrace()));
  }
  for (const auto& [name, value, kind] : parameters_) gradients_.push_back(value.grad());
}

std::unique_ptr<ops::GraphRecorder> require_graph_recorder(const RunConfig& config,
                                                           torch::Device device) {
  const auto fault = [](const std::string& text) {
    return UsageError("train.cuda_graphs: true: " + text);
  };
  if (const auto& parts = config.model.own_parts; !parts.empty()) {
    throw fault(fmt::format(
        "the model has parts of a program's own ({}), which a replay may compute with old values "
        "of the host; set it to false",
        parts));
  }
  if (!device.is_cuda()) {
    throw fault(fmt::format(
        "needs a GPU, and the run's device is {}; set it to false, or train.device to a GPU",
        device.str()));
  }
  auto recorder = ops::make_graph_recorder(device);
  if (!recorder) {
    throw fault(
        "this AERO was built without its CUDA kernels and graphs; build it where there is nvcc of "
        "the CUDA release that LibTorch was built for (docs/gpu.md), or set it to false");
  }
  return recorder;
}

}  // namespace aero::train
