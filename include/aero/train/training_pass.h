#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/dist/communicator.h"
#include "aero/dist/gradient_sum.h"
#include "aero/model/decoder.h"
#include "aero/train/optimizer.h"

#include <torch/types.h>

#include <memory>
#include <optional>
#include <vector>

namespace aero::train {

/// The inputs of a step, in tensors on the device.
struct StepInputs {
  std::vector<data::Batch> batches;  ///< the micro-batches; of several ranks, this one's part
  torch::Tensor weights;             ///< [micro-batches] float64: each one's share of all targets
  torch::Tensor loss_scale;          ///< [] float64; defined for float16 alone
  double part = 1;                   ///< of each micro-batch's sequences that this rank has
};

/// What a pass measures.
struct PassRecord {
  double loss = 0;                  ///< mean cross-entropy of all targets
  double grad_norm = 0;             ///< of the gradients without the loss scale
  bool overflows = false;           ///< a gradient is not finite, where there is a loss scale
  std::optional<double> penalty{};  ///< of the entropy regulariser
};

/// The forward and backward pass of a step. Of a process alone, it never waits for the device, so
/// that the host can go on meanwhile and so that a graph can record it. Several ranks compute what
/// one process would: losses, penalties, gradients and running averages are those of all ranks'
/// batches together, with the same bits on each rank.
class TrainingPass {
 public:
  TrainingPass(const RunConfig& config, model::Decoder decoder, NamedParameters parameters,
               dist::Communicator communicator = {});

  /// Adds the gradients of all micro-batches. Returns a tensor on the device for read(), which the
  /// device may still be computing.
  torch::Tensor operator()(const StepInputs& inputs);

  /// Reads the result of a pass on the host, and so waits for the device.
  PassRecord read(const torch::Tensor& measured) const;

 private:
  /// What a pass measures of this rank's batches.
  struct Sums {
    torch::Tensor cross_entropy, penalty;
  };
  Sums add_gradients(const StepInputs& inputs);

  torch::Device device_;
  Precision dtype_;
  bool has_penalty_;
  bool is_mean_penalty_;
  model::Decoder decoder_;
  NamedParameters parameters_;
  dist::Communicator communicator_;
  std::shared_ptr<dist::GradientSum> gradient_sum_;  // null for a process alone
};

}  // namespace aero::train
