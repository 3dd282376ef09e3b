#include "aero/model/ffn.h"

#include "aero/model/activation.h"

namespace aero::model {

FfnImpl::FfnImpl(const ModelConfig& config, Part shared_activation) {
  const bool with_bias = config.biases == BiasSet::all;
  w_in = register_module(
      "w_in", make_linear(config.d_model, config.ffn_width(), with_bias, config.ffn_form));
  if (shared_activation) {
    activation_ = std::move(shared_activation);
  } else {
    activation_ = register_module("activation", make_activation(config));
  }
  w_out = register_module(
      "w_out", make_linear(config.ffn_width(), config.d_model, with_bias, config.ffn_form));
}

torch::Tensor FfnImpl::forward(const torch::Tensor& x) {
  return w_out->forward(activation_->forward(w_in->forward(x)));
}

FusedFfnImpl::FusedFfnImpl(const ModelConfig& config) {
  w = register_module("w", make_linear(config.d_model, config.d_model,
                                       config.biases == BiasSet::all, config.ffn_form));
}

Part make_ffn(const ModelConfig& config, const Part& shared_activation) {
  if (config.ffn_fused) return std::make_shared<FusedFfnImpl>(config);
  return std::make_shared<FfnImpl>(config, shared_activation);
}

}  // namespace aero::model
