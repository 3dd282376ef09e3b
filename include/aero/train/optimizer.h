#pragma once

#include "aero/checkpoint/safetensors.h"
#include "aero/config/run_config.h"
#include "aero/dist/sharding.h"
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
///
/// With a sharding, each rank keeps the moments of its part of each parameter and updates that part;
/// then all get the whole parameters. All ranks call step() and state() together.
class Optimizer {
 public:
  /// Throws UsageError for a parameter that is not of a floating-point type.
  Optimizer(const OptimizerConfig& config, const NamedParameters& parameters,
            dist::Sharding sharding = dist::Sharding());

  /// Throws a UsageError that names the first parameter which the optimizer was not built with,
  /// which is missing, or whose dtype or device has changed.
  void require_same(const NamedParameters& parameters) const;

  /// Updates every parameter that has a gradient once.
  void step(double lr);
  void zero_grad();

  /// Whether each rank keeps a part of the moments only.
  bool is_sharded() const { return !sharding_.is_whole(); }
  /// Bytes of the moments that this rank keeps.
  std::int64_t moment_bytes() const;

  /// Returns the moments by name ("exp_avg.<parameter>", "exp_avg_sq.<parameter>") and "step".
  checkpoint::TensorMap state() const;
  /// Throws an Error that names a tensor which is missing, of another shape or unknown. With a
  /// sharding, share_state() must follow on all ranks.
  void load_state(const checkpoint::TensorMap& state);
  /// Gives all ranks the moments of rank 0, or their parts of what rank 0 has loaded.
  void share_state(const dist::Communicator& communicator);

 private:
  struct Slot {
    std::string name;
    torch::Tensor parameter;
    torch::Tensor exp_avg, exp_avg_sq;  // of this rank's part of the parameter
    double weight_decay;
  };

  torch::Tensor part(const Slot& slot, const torch::Tensor& x) const;
  torch::Tensor whole(const Slot& slot, const torch::Tensor& moment) const;
  void receive(const Slot& slot, const std::string& name, const torch::Tensor& moment,
               const dist::Communicator& communicator) const;

  OptimizerConfig config_;
  dist::Sharding sharding_;
  std::vector<Slot> slots_;
  std::int64_t steps_ = 0;
  checkpoint::TensorMap loaded_;  // whole moments, between load_state() and share_state()
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
