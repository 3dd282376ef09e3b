#include "aero/model/norm.h"

namespace aero::model {
namespace {

class LayerNormImpl : public PartImpl {
 public:
  LayerNormImpl(std::int64_t width, double eps, bool with_bias) : eps_(eps) {
    weight_ = register_parameter("weight", torch::ones({width}));
    if (with_bias) bias_ = register_parameter("bias", torch::zeros({width}));
  }

  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::layer_norm(x, weight_.sizes(), weight_, bias_, eps_);
  }

 private:
  torch::Tensor weight_;
  torch::Tensor bias_;
  double eps_;
};

class RmsNormImpl : public PartImpl {
 public:
  RmsNormImpl(std::int64_t width, double eps) : eps_(eps) {
    weight_ = register_parameter("weight", torch::ones({width}));
  }

  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::rms_norm(x, weight_.sizes(), weight_, eps_);
  }

 private:
  torch::Tensor weight_;
  double eps_;
};

}  // namespace

Part make_norm(NormKind kind, std::int64_t width, double eps, bool with_bias) {
  switch (kind) {
    case NormKind::layernorm:
      return std::make_shared<LayerNormImpl>(width, eps, with_bias);
    case NormKind::rmsnorm:
      return std::make_shared<RmsNormImpl>(width, eps);
    case NormKind::none:
      return std::make_shared<AbsentImpl>();
  }
  throw std::logic_error("unknown norm");
}

}  // namespace aero::model
