#pragma once

#include <torch/types.h>

#include <functional>

namespace aero::ops {

/// Records the kernels that some work launches on a device, and launches all of them again by one
/// call. A replay runs no code of the host: the work must take all that changes between replays
/// from tensors that stay where they are.
class GraphRecorder {
 public:
  /// Launches kernels, and returns their result.
  using Work = std::function<torch::Tensor()>;

  GraphRecorder() = default;
  virtual ~GraphRecorder() = default;
  GraphRecorder(const GraphRecorder&) = delete;
  GraphRecorder& operator=(const GraphRecorder&) = delete;

  /// Does work that will be recorded later, so that libraries set up what they need.
  virtual torch::Tensor run(const Work& work) = 0;

  /// Records work, in place of an earlier recording, and computes nothing. Every replay writes to
  /// the tensors that the work made: the caller keeps those that it reads.
  virtual torch::Tensor record(const Work& work) = 0;

  /// Does the recorded work, with random numbers from the default generator's present state.
  virtual void replay() = 0;

  /// Drops the recording and its memory.
  virtual void forget() = 0;
};

}  // namespace aero::ops
