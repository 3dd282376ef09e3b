#include "aero/model/activation.h"

#include "aero/ops/gelu.h"

namespace aero::model {
namespace {

class GeluImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override {
    return ops::gelu(x, ops::GeluForm::exact);
  }
};

class GeluTanhImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override {
    return ops::gelu(x, ops::GeluForm::tanh);
  }
};

class ReluImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override { return torch::relu(x); }
};

class QuadraticImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override {
    return (x + 1).square().mul_(0.125).add_(0.375);
  }
};

class FixedLeakyReluImpl : public PartImpl {
 public:
  explicit FixedLeakyReluImpl(double slope) : slope_(slope) {}
  torch::Tensor forward(const torch::Tensor& x) override { return torch::leaky_relu(x, slope_); }

 private:
  double slope_;
};

class LearnableLeakyReluImpl : public PartImpl {
 public:
  explicit LearnableLeakyReluImpl(double start) {
    slope_ = register_parameter("slope", torch::full({1}, start), ParameterKind::slope);
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::prelu(x, slope_.to(x.scalar_type()));
  }

 private:
  torch::Tensor slope_;
};

Part make_leaky_relu(const ModelConfig& config) {
  if (config.leaky_slope == LeakySlope::fixed) {
    return std::make_shared<FixedLeakyReluImpl>(config.leaky_init);
  }
  return std::make_shared<LearnableLeakyReluImpl>(config.leaky_init);
}

}  // namespace

Part make_activation(const ModelConfig& config) {
  switch (config.activation) {
    case ActivationKind::gelu:
      return std::make_shared<GeluImpl>();
    case ActivationKind::gelu_tanh:
      return std::make_shared<GeluTanhImpl>();
    case ActivationKind::relu:
      return std::make_shared<ReluImpl>();
    case ActivationKind::leaky_relu:
      return make_leaky_relu(config);
    case ActivationKind::quadratic:
      return std::make_shared<QuadraticImpl>();
    case ActivationKind::none:
      return std::make_shared<AbsentImpl>();
  }
  throw std::logic_error("unknown activation");
}

}  // namespace aero::model
