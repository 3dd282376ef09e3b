#pragma once

#include "aero/checkpoint/safetensors.h"
#include "aero/config/run_config.h"
#include "aero/model/parameters.h"

#include <torch/types.h>

#include <string>
#include <vector>

namespace aero::train {

using NamedParameters = std::vector<model::Parameter>;

/// Adam (arXiv 1412.6980) with decay in the gradient, or AdamW (arXiv 1711.05101) with decoupled
/// decay, by LibTorch's fused kernels. Weight decay touches the kinds of parameters that
/// DecayConfig names.
///
///     train::Optimizer optimizer(config.optimizer, model::parameters_of(*decoder));
class Optimizer {
 public:
  /// Throws UsageError for a parameter that is not of floating point.
  Optimizer(const OptimizerConfig& config, const NamedParameters& parameters);

  /// Throws UsageError that names the first parameter which is not among those that it was built
  /// with, is missing, or has another dtype or device since.
  void require_same(const NamedParameters& parameters) const;

  /// One update of every parameter that has a gradient.
  void step(double lr);
  void zero_grad();

  /// Moments by name ("exp_avg.<parameter>", "exp_avg_sq.<parameter>") and "step".
  checkpoint::TensorMap state() const;
  /// Throws Error that names the tensor which is missing, of another shape or unknown.
  void load_state(const checkpoint::TensorMap& state);

 private:
  struct Slot {
    std::string name;
    torch::Tensor parameter, exp_avg, exp_avg_sq;
    double weight_decay;
  };

  OptimizerConfig config_;
  std::vector<Slot> slots_;
  std::int64_t steps_ = 0;
};

/// The gradients of those parameters that have one.
std::vector<torch::Tensor> gradients(const NamedParameters& parameters);

/// Norm of all gradients together. A parameter without a gradient counts as 0.
double gradient_norm(const NamedParameters& parameters);
/// The same as a scalar where the gradients are, for which nobody has waited.
torch::Tensor gradient_norm_on_device(const NamedParameters& parameters);

/// Scales all gradients so that their norm, now `norm`, is at most `max_norm`; as PyTorch's
/// clip_grad_norm_.
void clip_gradients(const NamedParameters& parameters, double norm, double max_norm);

}  // namespace aero::train
