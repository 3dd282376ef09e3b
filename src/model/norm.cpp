#include "aero/model/norm.h"

#include <cmath>
#include <numbers>

namespace aero::model {
namespace {

ops::NormDtype norm_dtype(bool cast) {
  return cast ? ops::NormDtype::products : ops::NormDtype::norms;
}

class LayerNormImpl : public PartImpl {
 public:
  LayerNormImpl(std::int64_t width, double eps, bool with_bias) : eps_(eps) {
    weight_ = register_parameter("weight", torch::ones({width}), ParameterKind::norm);
    if (with_bias) bias_ = register_parameter("bias", torch::zeros({width}), ParameterKind::norm);
  }

  torch::Tensor forward(const torch::Tensor& x) override {
    return ops::layer_norm(x, weight_, bias_, eps_);
  }
  ops::Summed forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast) override {
    return ops::layer_norm_of_sum(x, branch, weight_, bias_, eps_, norm_dtype(cast));
  }

 private:
  torch::Tensor weight_;
  torch::Tensor bias_;
  double eps_;
};

class RmsNormImpl : public PartImpl {
 public:
  RmsNormImpl(std::int64_t width, double eps) : eps_(eps) {
    weight_ = register_parameter("weight", torch::ones({width}), ParameterKind::norm);
  }

  torch::Tensor forward(const torch::Tensor& x) override { return ops::rms_norm(x, weight_, eps_); }
  ops::Summed forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast) override {
    return ops::rms_norm_of_sum(x, branch, weight_, eps_, norm_dtype(cast));
  }

 private:
  torch::Tensor weight_;
  double eps_;
};

}  // namespace

FixedLayerNormImpl::FixedLayerNormImpl(const ModelConfig& config)
    : eps_(config.norm_eps), passage_(config.norm_fixed) {
  weight_ = register_parameter("weight", torch::ones({config.d_model}), ParameterKind::norm);
  if (config.norm_bias) {
    bias_ = register_parameter("bias", torch::zeros({config.d_model}), ParameterKind::norm);
  }
  sigma_ = register_buffer("sigma", torch::zeros({1}));
  gate_ = register_buffer("gate", torch::ones({1}));
  note_gate(1);
}

void FixedLayerNormImpl::set_progress(double share) {
  set_gate(fixed_norm_gate(passage_, share));
}

void FixedLayerNormImpl::set_gate(double gate) {
  const torch::NoGradGuard no_grad;
  gate_.fill_(gate);
  // Rounds the gate as the buffer does.
  note_gate(torch::scalar_tensor(gate, gate_.scalar_type()).item<double>());
}

void FixedLayerNormImpl::note_gate(double gate) {
  known_gate_ = gate;
  known_version_ = gate_._version();
}

double FixedLayerNormImpl::gate() {
  if (gate_._version() != known_version_) note_gate(gate_.item<double>());
  return known_gate_;
}

void FixedLayerNormImpl::average(const torch::Tensor& x) {
  const torch::NoGradGuard no_grad;
  const auto batch = x.detach().to(sigma_.scalar_type()).var(-1, /*unbiased=*/false).mean() + eps_;
  const auto averaged = passage_.momentum * sigma_.square() + (1 - passage_.momentum) * batch;
  const auto variance = torch::where(sigma_ == 0, batch, averaged);
  // A batch that is not finite, which the trainer may skip, must not stay in the average.
  sigma_.copy_(torch::where(torch::isfinite(variance), variance.sqrt(), sigma_));
}

torch::Tensor FixedLayerNormImpl::forward(const torch::Tensor& x) {
  const double gate = this->gate();
  if (gate == 1) return forward_sum(x, {}, /*cast=*/false).y;
  auto fixed = (x - x.mean(-1, true)) * (weight_ / sigma_);
  if (bias_.defined()) fixed = fixed + bias_;
  if (gate == 0) return fixed;
  return torch::lerp(fixed, ops::layer_norm(x, weight_, bias_, eps_), gate);
}

ops::Summed FixedLayerNormImpl::forward_sum(const torch::Tensor& x, const torch::Tensor& branch,
                                            bool cast) {
  if (gate() != 1) return PartImpl::forward_sum(x, branch, cast);
  auto out = ops::layer_norm_of_sum(x, branch, weight_, bias_, eps_, norm_dtype(cast));
  if (is_training()) average(out.sum);
  return out;
}

double fixed_norm_gate(const NormFixedConfig& config, double share) {
  if (share <= config.start) return 1;
  if (share >= config.end) return 0;
  const double passed = (share - config.start) / (config.end - config.start);
  return (1 + std::cos(std::numbers::pi * passed)) / 2;
}

Part make_norm(NormKind kind, const ModelConfig& config) {
  switch (kind) {
    case NormKind::layernorm:
      return std::make_shared<LayerNormImpl>(config.d_model, config.norm_eps, config.norm_bias);
    case NormKind::rmsnorm:
      return std::make_shared<RmsNormImpl>(config.d_model, config.norm_eps);
    case NormKind::layernorm_fixed:
      return std::make_shared<FixedLayerNormImpl>(config);
    case NormKind::none:
      return std::make_shared<AbsentImpl>();
  }
  throw std::logic_error("unknown norm");
}

}  // namespace aero::model
