#pragma once

#include "aero/model/block.h"
#include "aero/model/linear.h"

#include <torch/nn/modules/linear.h>

#include <cstdint>

/// Parts as a user brings them.
namespace aero::testing_support::own {

using model::ParameterKind;

/// Dynamic Tanh (arXiv 2503.10622): y = tanh(alpha x) weight + bias. alpha says nothing of its
/// kind.
class DytImpl : public model::PartImpl {
 public:
  explicit DytImpl(std::int64_t width) {
    alpha = register_parameter("alpha", torch::full({1}, 0.5));
    weight = register_parameter("weight", torch::ones({width}), ParameterKind::norm);
    bias = register_parameter("bias", torch::zeros({width}), ParameterKind::norm);
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::tanh(alpha * x) * weight + bias;
  }

  torch::Tensor alpha, weight, bias;
};

/// LayerNorm by its equation; counts its calls in a buffer of integers.
class PlainLayerNormImpl : public model::PartImpl {
 public:
  PlainLayerNormImpl(std::int64_t width, double eps) : eps_(eps) {
    weight = register_parameter("weight", torch::ones({width}));
    bias = register_parameter("bias", torch::zeros({width}));
    calls = register_buffer("calls", torch::zeros({}, torch::kInt64));
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    if (is_training()) calls += 1;
    const auto centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + eps_).sqrt() * weight + bias;
  }

  torch::Tensor weight, bias, calls;

 private:
  double eps_;
};

/// x sigmoid(beta x), beta for each channel (arXiv 1710.05941).
class SwishImpl : public model::PartImpl {
 public:
  explicit SwishImpl(std::int64_t width) {
    slope = register_parameter("slope", torch::ones({width}), ParameterKind::slope);
  }
  torch::Tensor forward(const torch::Tensor& x) override { return x * torch::sigmoid(slope * x); }

  torch::Tensor slope;
};

/// Has no parameters and no buffers: only its type distinguishes it from AERO's.
class SquaredReluImpl : public model::PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override { return torch::relu(x).square(); }
};

/// GELU by tanh, by its equation.
class PlainGeluImpl : public model::PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override {
    const double c = 0.7978845608028654;  // sqrt(2 / pi)
    return 0.5 * x * (1 + torch::tanh(c * (x + 0.044715 * x.pow(3))));
  }
};

/// silu(x W_g) (x W_u) W_d (arXiv 2002.05202): two matrices of LibTorch's, one of AERO's.
class GatedFfnImpl : public model::PartImpl {
 public:
  GatedFfnImpl(std::int64_t width, std::int64_t inner)
      : gate(register_module("gate", torch::nn::Linear(width, inner))),
        up(register_module("up", torch::nn::Linear(width, inner))) {
    down = model::make_linear(inner, width, /*with_bias=*/false, WeightForm::plain,
                              ParameterKind::branch_output);
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    return down->forward(torch::silu(gate->forward(x)) * up->forward(x));
  }
  /// LibTorch's draw from the default generator when they are made.
  void initialize(const torch::Generator& generator) override {
    for (auto& linear : {gate, up}) {
      linear->weight.normal_(0, 0.1, generator);
      linear->bias.zero_();
    }
  }

  torch::nn::Linear gate, up;
  model::Child<model::LinearImpl> down{*this, "down"};
};

/// No attention: y = x + w mean of the norm of all positions up to this one, through a matrix.
class AverageBlockImpl : public model::BlockImpl {
 public:
  AverageBlockImpl(const ModelConfig& config, const model::Place& place,
                   const model::PartFactory& factory) {
    norm1 = factory.make_norm(config, config.norm, place.within("norm1"));
    mix = model::make_linear(config.d_model, config.d_model, /*with_bias=*/true, WeightForm::plain,
                             ParameterKind::branch_output);
    alpha = register_parameter("alpha", torch::ones({config.d_model}), ParameterKind::scale);
  }
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* /*row_entropy*/) override {
    const auto n = norm1->forward(x);
    const auto counts = torch::arange(1, n.size(1) + 1, n.options().requires_grad(false));
    return x + mix->forward(alpha * n.cumsum(1) / counts.unsqueeze(-1));
  }

  torch::Tensor alpha;
  model::Child<model::LinearImpl> mix{*this, "mix"};
};

/// Brings all of them but where a flag is off.
class Factory : public model::PartFactory {
 public:
  bool norms = true;
  bool activations = true;
  bool ffns = false;
  bool first_block = false;

  model::Part make_norm(const ModelConfig& config, NormKind kind,
                        const model::Place& place) const override {
    if (!norms) return PartFactory::make_norm(config, kind, place);
    return std::make_shared<DytImpl>(config.d_model);
  }
  model::Part make_activation(const ModelConfig& config, const model::Place& place) const override {
    if (!activations) return PartFactory::make_activation(config, place);
    return std::make_shared<SwishImpl>(config.ffn_width());
  }
  model::Part make_ffn(const ModelConfig& config, const model::Place& place,
                       const model::Part& shared_activation) const override {
    if (!ffns) return PartFactory::make_ffn(config, place, shared_activation);
    return std::make_shared<GatedFfnImpl>(config.d_model, config.ffn_width());
  }
  model::Block make_block(const ModelConfig& config, const model::Place& place,
                          const model::Part& shared_activation) const override {
    if (!first_block || place.layer > 0) {
      return PartFactory::make_block(config, place, shared_activation);
    }
    return std::make_shared<AverageBlockImpl>(config, place, *this);
  }
};

}  // namespace aero::testing_support::own
