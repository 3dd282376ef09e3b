#include "aero/model/linear.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace aero::model {
namespace {

constexpr double normalize_eps = 1e-12;  // PyTorch's
constexpr int first_iterations = 15;     // PyTorch's

torch::Tensor normalize(const torch::Tensor& x) {
  return x / x.norm().clamp_min(normalize_eps);
}

}  // namespace

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out, bool with_bias) {
  weight = register_parameter("weight", torch::empty({out, in}));
  if (with_bias) bias = register_parameter("bias", torch::empty({out}));
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) {
  return torch::linear(x, matrix(), bias);
}

WeightNormLinearImpl::WeightNormLinearImpl(std::int64_t in, std::int64_t out, bool with_bias)
    : LinearImpl(in, out, with_bias) {
  gain = register_parameter("gain", torch::empty({out}));
}

torch::Tensor WeightNormLinearImpl::matrix() {
  return weight * (gain / weight.norm(2, 1)).unsqueeze(1);
}

void WeightNormLinearImpl::start() {
  const torch::NoGradGuard no_grad;
  gain.copy_(weight.norm(2, 1));
}

SpectralNormLinearImpl::SpectralNormLinearImpl(std::int64_t in, std::int64_t out, bool with_bias)
    : LinearImpl(in, out, with_bias) {
  u = register_buffer("u", torch::empty({out}));
  v = register_buffer("v", torch::empty({in}));
}

torch::Tensor SpectralNormLinearImpl::matrix() {
  // Autocast would take the products in a lower precision on some devices.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  if (is_training()) iterate();
  // Copies, for the next forward pass changes u and v before this one's backward may have come.
  const auto sigma = torch::dot(u.clone(), torch::mv(weight, v.clone()));
  return weight / sigma;
}

void SpectralNormLinearImpl::start(const torch::Generator& generator) {
  const torch::NoGradGuard no_grad;
  u.copy_(normalize(u.normal_(0, 1, generator)));
  v.copy_(normalize(v.normal_(0, 1, generator)));
  for (int i = 0; i < first_iterations; ++i) iterate();
}

void SpectralNormLinearImpl::iterate() {
  const torch::NoGradGuard no_grad;
  u.copy_(normalize(torch::mv(weight, v)));
  v.copy_(normalize(torch::mv(weight.t(), u)));
}

Linear make_linear(std::int64_t in, std::int64_t out, bool with_bias, WeightForm form) {
  switch (form) {
    case WeightForm::plain:
      return std::make_shared<LinearImpl>(in, out, with_bias);
    case WeightForm::weight_norm:
      return std::make_shared<WeightNormLinearImpl>(in, out, with_bias);
    case WeightForm::spectral_norm:
      return std::make_shared<SpectralNormLinearImpl>(in, out, with_bias);
  }
  throw std::logic_error("unknown weight form");
}

EmbeddingImpl::EmbeddingImpl(std::int64_t rows, std::int64_t width) {
  weight = register_parameter("weight", torch::empty({rows, width}));
}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& indices) const {
  return torch::embedding(weight, indices);
}

}  // namespace aero::model
