#include "aero/train/optimizer.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <ATen/ATen.h>

#include <map>
#include <utility>

namespace aero::train {
namespace {

bool decays(const DecayConfig& decay, model::ParameterKind kind) {
  switch (kind) {
    case model::ParameterKind::embedding:
      return decay.embeddings;
    case model::ParameterKind::branch_output:
    case model::ParameterKind::matrix:
      return decay.matrices;
    case model::ParameterKind::norm:
      return decay.norms;
    case model::ParameterKind::bias:
      return decay.biases;
    case model::ParameterKind::slope:
      return decay.slopes;
    case model::ParameterKind::scale:
      return decay.scales;
    case model::ParameterKind::gain:
      return decay.gains;
    case model::ParameterKind::temperature:
      return decay.temperatures;
    case model::ParameterKind::threshold:
      return decay.thresholds;
    case model::ParameterKind::vector:
      return false;
  }
  throw std::logic_error("unknown parameter kind");
}

const torch::Tensor& find_state(const checkpoint::TensorMap& state, const std::string& name,
                                const torch::Tensor& like) {
  const auto found = state.find(name);
  if (found == state.end()) {
    throw Error(fmt::format(
        "optimizer state: \"{}\" is missing; the checkpoint is of another model", name));
  }
  if (found->second.sizes() != like.sizes()) {
    throw Error(
        fmt::format("optimizer state: \"{}\" has another shape than the model's parameter", name));
  }
  return found->second;
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const NamedParameters& parameters,
                     dist::Sharding sharding)
    : config_(config), sharding_(std::move(sharding)) {
  for (const auto& [name, parameter, kind] : parameters) {
    if (!parameter.is_floating_point()) {
      throw UsageError(fmt::format(
          "model: parameter \"{}\" is of type {}; the optimizer takes floating-point numbers only",
          name, c10::toString(parameter.scalar_type())));
    }
    const bool decay = decays(config.decay, kind);
    Slot slot{name, parameter, {}, {}, decay ? config.weight_decay : 0.0};
    const auto own = part(slot, parameter.detach());
    slot.exp_avg = torch::zeros_like(own, torch::MemoryFormat::Contiguous);
    slot.exp_avg_sq = torch::zeros_like(own, torch::MemoryFormat::Contiguous);
    slots_.push_back(std::move(slot));
  }
}

/// Returns this rank's part of a tensor in the shape of the slot's parameter. Ranks do not share a
/// parameter that is not contiguous; each keeps and updates all of it.
torch::Tensor Optimizer::part(const Slot& slot, const torch::Tensor& x) const {
  if (!is_sharded() || !slot.parameter.is_contiguous()) return x;
  return sharding_.part(x.contiguous());
}

/// Returns all of a moment in the shape of the slot's parameter.
torch::Tensor Optimizer::whole(const Slot& slot, const torch::Tensor& moment) const {
  if (!is_sharded() || !slot.parameter.is_contiguous()) return moment;
  const auto all = torch::empty(slot.parameter.sizes(), moment.options());
  sharding_.part(all).copy_(moment);
  sharding_.complete({all});
  return all;
}

void Optimizer::require_same(const NamedParameters& parameters) const {
  const auto fault = [](const std::string& name, const std::string& what) {
    throw UsageError(fmt::format(
        "model: parameter \"{}\" {}; set parts, dtype and device before the trainer or optimizer "
        "is built",
        name, what));
  };
  std::map<const c10::TensorImpl*, const Slot*> slots;
  for (const auto& slot : slots_) slots[slot.parameter.unsafeGetTensorImpl()] = &slot;
  for (const auto& [name, value, kind] : parameters) {
    const auto found = slots.find(value.unsafeGetTensorImpl());
    if (found == slots.end()) fault(name, "is not one that the optimizer trains");
    const auto& moment = found->second->exp_avg;
    if (value.scalar_type() != moment.scalar_type() || value.device() != moment.device()) {
      fault(name, "has changed its dtype or device since the optimizer was built");
    }
    slots.erase(found);
  }
  for (const auto& slot : slots_) {
    if (!slots.contains(slot.parameter.unsafeGetTensorImpl())) continue;
    fault(slot.name, "is trained by the optimizer, but not one of the decoder's");
  }
}

void Optimizer::step(double lr) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  struct Group {
    std::vector<torch::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
  };
  // A fused kernel takes one weight decay and tensors of one dtype.
  std::map<std::pair<double, torch::ScalarType>, Group> groups;
  torch::Tensor step_count;
  for (auto& slot : slots_) {
    if (!slot.parameter.grad().defined() || slot.exp_avg.numel() == 0) continue;
    if (!step_count.defined()) {
      step_count = torch::full({}, static_cast<double>(steps_),
                               torch::device(slot.parameter.device()).dtype(torch::kFloat32));
    }
    auto& group = groups[{slot.weight_decay, slot.parameter.scalar_type()}];
    group.parameters.push_back(part(slot, slot.parameter));
    group.gradients.push_back(part(slot, slot.parameter.grad()));
    group.exp_avgs.push_back(slot.exp_avg);
    group.exp_avg_sqs.push_back(slot.exp_avg_sq);
    group.steps.push_back(step_count);
  }
  for (auto& [key, group] : groups) {
    const auto update = [&, decay = key.first, &group = group](auto&& fused) {
      fused(group.parameters, group.gradients, group.exp_avgs, group.exp_avg_sqs,
            std::vector<torch::Tensor>{}, group.steps, lr, config_.beta1, config_.beta2, decay,
            config_.eps, /*amsgrad=*/false, /*maximize=*/false);
    };
    switch (config_.name) {
      case OptimizerKind::adamw:
        update([](auto&&... arguments) { at::_fused_adamw_(arguments...); });
        break;
      case OptimizerKind::adam:
        update([](auto&&... arguments) { at::_fused_adam_(arguments...); });
        break;
    }
  }
  if (!is_sharded()) return;
  std::vector<torch::Tensor> shared;
  for (const auto& slot : slots_) {
    if (slot.parameter.is_contiguous()) shared.push_back(slot.parameter);
  }
  sharding_.complete(shared);
}

void Optimizer::zero_grad() {
  for (auto& slot : slots_) slot.parameter.mutable_grad() = torch::Tensor();
}

std::int64_t Optimizer::moment_bytes() const {
  std::size_t bytes = 0;
  for (const auto& slot : slots_) bytes += slot.exp_avg.nbytes() + slot.exp_avg_sq.nbytes();
  return static_cast<std::int64_t>(bytes);
}

checkpoint::TensorMap Optimizer::state() const {
  checkpoint::TensorMap result;
  for (const auto& slot : slots_) {
    result["exp_avg." + slot.name] = whole(slot, slot.exp_avg);
    result["exp_avg_sq." + slot.name] = whole(slot, slot.exp_avg_sq);
  }
  result["step"] = torch::tensor(steps_, torch::kInt64);
  return result;
}

void Optimizer::load_state(const checkpoint::TensorMap& state) {
  const torch::NoGradGuard no_grad;
  if (state.size() != 2 * slots_.size() + 1) {
    throw Error(fmt::format(
        "optimizer state: {} tensors where the model needs {}; the checkpoint is of another "
        "model",
        state.size(), 2 * slots_.size() + 1));
  }
  for (auto& slot : slots_) {
    for (const auto& [kind, moment] :
         {std::pair("exp_avg.", slot.exp_avg), std::pair("exp_avg_sq.", slot.exp_avg_sq)}) {
      moment.copy_(part(slot, find_state(state, kind + slot.name, slot.parameter)));
    }
  }
  if (is_sharded()) loaded_ = state;
  auto steps = torch::zeros({}, torch::kInt64);
  steps.copy_(find_state(state, "step", steps));
  steps_ = steps.item<std::int64_t>();
}

/// Takes over the moment of rank 0, or this rank's part of what rank 0 has loaded.
void Optimizer::receive(const Slot& slot, const std::string& name, const torch::Tensor& moment,
                        const dist::Communicator& communicator) const {
  if (!is_sharded() || !slot.parameter.is_contiguous()) {
    communicator.broadcast(moment);
    return;
  }
  const auto found = loaded_.find(name);
  auto all = torch::zeros(slot.parameter.sizes(), moment.options());
  if (found != loaded_.end()) all.copy_(found->second);
  communicator.broadcast(all);
  moment.copy_(sharding_.part(all));
}

void Optimizer::share_state(const dist::Communicator& communicator) {
  if (communicator.is_alone()) return;
  const torch::NoGradGuard no_grad;
  for (const auto& slot : slots_) {
    receive(slot, "exp_avg." + slot.name, slot.exp_avg, communicator);
    receive(slot, "exp_avg_sq." + slot.name, slot.exp_avg_sq, communicator);
  }
  loaded_.clear();
  const auto steps = torch::full(
      {}, steps_, torch::device(slots_.front().parameter.device()).dtype(torch::kInt64));
  communicator.broadcast(steps);
  steps_ = steps.item<std::int64_t>();
}

std::vector<torch::Tensor> gradients(const NamedParameters& parameters) {
  std::vector<torch::Tensor> result;
  for (const auto& [name, parameter, kind] : parameters) {
    if (parameter.grad().defined()) result.push_back(parameter.grad());
  }
  return result;
}

double gradient_norm(const NamedParameters& parameters) {
  return gradient_norm_on_device(parameters).item<double>();
}

torch::Tensor gradient_norm_on_device(const NamedParameters& parameters) {
  const auto all = gradients(parameters);
  if (all.empty()) return torch::zeros({});
  return torch::stack(at::_foreach_norm(all)).norm();
}

void clip_gradients(const NamedParameters& parameters, double norm, double max_norm) {
  // Guards against a division by zero as PyTorch does, so that the numbers are equal.
  const double coefficient = max_norm / (norm + 1e-6);
  if (coefficient >= 1) return;
  at::_foreach_mul_(gradients(parameters), coefficient);
}

}  // namespace aero::train
