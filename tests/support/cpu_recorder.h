#pragma once

#include "aero/model/decoder.h"
#include "aero/model/parameters.h"
#include "aero/ops/graph_recorder.h"

#include <ATen/CPUGeneratorImpl.h>

#include <limits>
#include <utility>
#include <vector>

namespace aero::testing_support {

/// Behaves on the CPU as a CUDA graph does on a GPU: recording computes nothing and only sets
/// memory aside for the results, and a replay does the work again and writes its results to that
/// memory alone.
class CpuRecorder : public ops::GraphRecorder {
 public:
  struct Calls {
    int runs = 0, recordings = 0, replays = 0;
  };

  CpuRecorder(model::Decoder decoder, Calls& calls) : decoder_(std::move(decoder)), calls_(calls) {}

  torch::Tensor run(const Work& work) override {
    ++calls_.runs;
    return work();
  }

  torch::Tensor record(const Work& work) override {
    ++calls_.recordings;
    const torch::NoGradGuard no_grad;
    auto generator = at::detail::getDefaultCPUGenerator();
    const auto random = generator.get_state();
    const auto state = decoder_->named_state();
    std::vector<torch::Tensor> before;
    for (const auto& [name, tensor] : state) before.push_back(tensor.clone());
    work_ = work;
    result_ = with_gradients(work);
    result_.fill_(std::numeric_limits<double>::quiet_NaN());
    gradients_.clear();
    for (const auto& [name, value, kind] : model::parameters_of(*decoder_)) {
      gradients_.push_back(value.grad());
      if (value.grad().defined()) value.grad().fill_(std::numeric_limits<double>::quiet_NaN());
    }
    for (std::size_t i = 0; i < state.size(); ++i) state[i].second.copy_(before[i]);
    generator.set_state(random);
    return result_;
  }

  void replay() override {
    ++calls_.replays;
    const torch::NoGradGuard no_grad;
    auto parameters = model::parameters_of(*decoder_);
    for (auto& parameter : parameters) parameter.value.mutable_grad() = torch::Tensor();
    result_.copy_(with_gradients(work_));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto& gradient = parameters[i].value.mutable_grad();
      if (gradient.defined()) gradients_[i].copy_(gradient);
      gradient = torch::Tensor();
    }
  }

  void forget() override {
    work_ = nullptr;
    result_ = torch::Tensor();
    gradients_.clear();
  }

 private:
  static torch::Tensor with_gradients(const Work& work) {
    const torch::AutoGradMode grad(true);
    return work();
  }

  model::Decoder decoder_;
  Calls& calls_;
  Work work_;
  torch::Tensor result_;
  std::vector<torch::Tensor> gradients_;
};

}  // namespace aero::testing_support
