#include "aero/model/ffn.h"

#include "aero/model/activation.h"

namespace aero::model {

FfnImpl::FfnImpl(const ModelConfig& config, Part shared_activation) {
  const bool with_bias = config.biases == BiasSet::all;
  w_in = register_module(
      "w_in", std::make_shared<LinearImpl>(config.d_model, config.ffn_width(), with_bias));
  if (shared_activation) {
    activation_ = std::move(shared_activation);
  } else {
    activation_ = register_module("activation", make_activation(config));
  }
  w_out = register_module(
      "w_out", std::make_shared<LinearImpl>(config.ffn_width(), config.d_model, with_bias));
}

torch::Tensor FfnImpl::forward(const torch::Tensor& x) {
  return w_out->forward(activation_->forward(w_in->forward(x)));
}

}  // namespace aero::model
