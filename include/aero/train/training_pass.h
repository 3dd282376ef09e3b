#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"
#include "aero/train/optimizer.h"

#include <torch/types.h>

#include <optional>
#include <vector>

namespace aero::train {

/// The inputs of a step, in tensors on the device.
struct StepInputs {
  std::vector<data::Batch> batches;  ///< the micro-batches
  torch::Tensor weights;             ///< [micro-batches] float64: each one's share of all targets
  torch::Tensor loss_scale;          ///< [] float64; defined for float16 alone
};

/// What a pass measures.
struct PassRecord {
  double loss = 0;                  ///< mean cross-entropy of all targets
  double grad_norm = 0;             ///< of the gradients without the loss scale
  bool overflows = false;           ///< a gradient is not finite, where there is a loss scale
  std::optional<double> penalty{};  ///< of the entropy regulariser
};

/// The forward and backward pass of a step. It never waits for the device, so that the host can
/// go on meanwhile and so that a graph can record it.
class TrainingPass {
 public:
  TrainingPass(const RunConfig& config, model::Decoder decoder, NamedParameters parameters);

  /// Adds the gradients of all micro-batches. Returns a tensor on the device for read(), which the
  /// device may still be computing.
  torch::Tensor operator()(const StepInputs& inputs);

  /// Reads the result of a pass on the host, and so waits for the device.
  PassRecord read(const torch::Tensor& measured) const;

 private:
  torch::Device device_;
  Precision dtype_;
  bool has_penalty_;
  model::Decoder decoder_;
  NamedParameters parameters_;
};

}  // namespace aero::train
