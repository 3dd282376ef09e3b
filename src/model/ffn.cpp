#include "aero/model/ffn.h"

namespace aero::model {

FfnImpl::FfnImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
                 Part shared_activation)
    : shared_activation_(std::move(shared_activation)) {
  const bool with_bias = config.biases == BiasSet::all;
  w_in = make_linear(config.d_model, config.ffn_width(), with_bias, config.ffn_form);
  if (config.activation == ActivationKind::none) {
    activation = std::make_shared<AbsentImpl>();
  } else if (!shared_activation_) {
    activation = factory.make_activation(config, place.within("activation"));
  }
  w_out = make_linear(config.ffn_width(), config.d_model, with_bias, config.ffn_form,
                      ParameterKind::branch_output);
}

torch::Tensor FfnImpl::forward(const torch::Tensor& x) {
  const auto inner = w_in->forward(x);
  return w_out->forward(shared_activation_ ? shared_activation_->forward(inner)
                                           : activation->forward(inner));
}

FusedFfnImpl::FusedFfnImpl(const ModelConfig& config) {
  w = make_linear(config.d_model, config.d_model, config.biases == BiasSet::all, config.ffn_form,
                  ParameterKind::branch_output);
}

Part make_ffn(const ModelConfig& config, const Place& place, const PartFactory& factory,
              const Part& shared_activation) {
  if (config.ffn_fused) return std::make_shared<FusedFfnImpl>(config);
  return std::make_shared<FfnImpl>(config, place, factory, shared_activation);
}

}  // namespace aero::model
