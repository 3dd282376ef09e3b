#pragma once

#include "aero/config/run_config.h"
#include "aero/ops/graph_recorder.h"
#include "aero/train/training_pass.h"

#include <memory>
#include <utility>
#include <vector>

namespace aero::train {

/// Runs training passes from a recording. The first passes run as they are, the next is recorded,
/// and each pass from there on copies its inputs to where the recording reads them and replays it.
/// Where the host's part of a pass changes, such as the set of trained parameters, it starts over.
class StepGraph {
 public:
  /// Passes before the recording, in which libraries choose their kernels and set up workspaces.
  static constexpr int warm_up = 3;

  StepGraph(std::unique_ptr<ops::GraphRecorder> recorder, TrainingPass pass,
            NamedParameters parameters);

  /// Computes what pass(inputs) does. The gradients must be undefined before. `gate` is the gate of
  /// a fixed norm, which its forward pass takes from the host.
  torch::Tensor run(const StepInputs& inputs, double gate);

 private:
  /// What a recording took from the host, and every replay repeats.
  struct HostState {
    double gate = 0;
    std::vector<std::pair<const void*, bool>> parameters;  // address; is trained

    bool operator==(const HostState&) const = default;
  };

  void forget();
  void record();

  std::unique_ptr<ops::GraphRecorder> recorder_;
  TrainingPass pass_;
  NamedParameters parameters_;
  HostState host_;
  int passes_ = 0;          // with this state of the host, before the recording
  StepInputs inputs_;       // the recording reads these
  torch::Tensor measured_;  // the recording writes to this; undefined: nothing is recorded
  std::vector<torch::Tensor> gradients_;  // and to these, of each parameter; may be undefined
};

/// Returns the recorder for train.cuda_graphs. Throws a UsageError that says what is missing.
std::unique_ptr<ops::GraphRecorder> require_graph_recorder(const RunConfig& config,
                                                           torch::Device device);

}  // namespace aero::train
