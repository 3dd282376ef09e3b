#pragma once

#include "aero/checkpoint/safetensors.h"
#include "aero/config/run_config.h"
#include "aero/model/parameters.h"

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aero::train {

using NamedParameters = std::vector<model::Parameter>;

/// Adam (arXiv 1412.6980) with decay in the gradient, or AdamW (arXiv 1711.05101) with decoupled
/// decay, by LibTorch's fused kernels. Weight decay applies to the kinds of parameters that
/// DecayConfig enables.
///
///     train::Optimizer optimizer(config.optimizer, model::parameters_of(*decoder));
class Optimizer {
 public:
  /// Throws UsageError for a parameter that is not of a floating-point type.
  Optimizer(const OptimizerConfig& config, const NamedParameters& parameters);

  /// Throws a UsageError that names the first parameter which the optimizer was not built with,
  /// which is missing, or whose dtype or device has changed.
  void require_same(const NamedParameters& parameters) const;

  /// Updates every parameter that has a gradient once.
  void step(double lr);
  void zero_grad();

  /// Returns the moments by name ("exp_avg.<parameter>", "exp_avg_sq.<parameter>") and "step".
  checkpoint::TensorMap state() const;
  /// Throws an Error that names a tensor which is missing, of another shape or unknown.
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

/// Lists the gradients of those parameters that have one.
std::vector<torch::Tensor> gradients(const NamedParameters& parameters);

/// Computes the norm of all gradients together. A parameter without a gradient counts as 0.
double gradient_norm(const NamedParameters& parameters);
/// Computes the same as a scalar on the gradients' device, without waiting for it.
torch::Tensor gradient_norm_on_device(const NamedParameters& parameters);

/// Scales all gradients, whose norm is `norm`, so that their norm is at most `max_norm`, as
/// PyTorch's clip_grad_norm_ does.
void clip_gradients(const NamedParameters& parameters, double norm, double max_norm);

}  // namespace aero::train
