#include "aero/model/linear.h"

#include "aero/ops/linear.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include <limits>

namespace aero::model {
namespace {

constexpr double normalize_eps = 1e-12;  // as in PyTorch
constexpr int first_iterations = 15;     // as in PyTorch

/// Makes a tensor of NaN, so that a parameter that nobody fills shows at once.
torch::Tensor unfilled(at::IntArrayRef sizes) {
  return torch::full(sizes, std::numeric_limits<double>::quiet_NaN());
}

torch::Tensor normalize(const torch::Tensor& x) {
  return x / x.norm().clamp_min(normalize_eps);
}

}  // namespace

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out, bool with_bias, ParameterKind kind) {
  weight = register_parameter("weight", unfilled({out, in}), kind);
  if (with_bias) bias = register_parameter("bias", unfilled({out}), ParameterKind::bias);
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) {
  return ops::linear(x, matrix(), bias);
}

WeightNormLinearImpl::WeightNormLinearImpl(std::int64_t in, std::int64_t out, bool with_bias,
                                           ParameterKind kind)
    : LinearImpl(in, out, with_bias, kind) {
  gain = register_parameter("gain", unfilled({out}), ParameterKind::gain);
}

torch::Tensor WeightNormLinearImpl::matrix() {
  return weight * (gain / weight.norm(2, 1)).unsqueeze(1);
}

void WeightNormLinearImpl::start() {
  const torch::NoGradGuard no_grad;
  gain.copy_(weight.norm(2, 1));
}

SpectralNormLinearImpl::SpectralNormLinearImpl(std::int64_t in, std::int64_t out, bool with_bias,
                                               ParameterKind kind)
    : LinearImpl(in, out, with_bias, kind) {
  u = register_buffer("u", unfilled({out}));
  v = register_buffer("v", unfilled({in}));
}

torch::Tensor SpectralNormLinearImpl::matrix() {
  // On some devices, autocast would compute the products in a lower precision.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  if (is_training()) iterate();
  // Copies u and v, because the next forward pass may change them before this one's backward pass.
  const auto sigma = torch::dot(u.clone(), torch::mv(weight, v.clone()));
  return weight / sigma;
}

void SpectralNormLinearImpl::start(const torch::Generator& generator) {
  const torch::NoGradGuard no_grad;
  // Draws on the CPU, where the generator works.
  const auto draw = [&](const torch::Tensor& x) {
    return torch::empty(x.sizes(), x.options().device(torch::kCPU)).normal_(0, 1, generator);
  };
  u.copy_(normalize(draw(u)));
  v.copy_(normalize(draw(v)));
  for (int i = 0; i < first_iterations; ++i) iterate();
}

void SpectralNormLinearImpl::iterate() {
  const torch::NoGradGuard no_grad;
  u.copy_(normalize(torch::mv(weight, v)));
  v.copy_(normalize(torch::mv(weight.t(), u)));
}

Linear make_linear(std::int64_t in, std::int64_t out, bool with_bias, WeightForm form,
                   ParameterKind kind) {
  switch (form) {
    case WeightForm::plain:
      return std::make_shared<LinearImpl>(in, out, with_bias, kind);
    case WeightForm::weight_norm:
      return std::make_shared<WeightNormLinearImpl>(in, out, with_bias, kind);
    case WeightForm::spectral_norm:
      return std::make_shared<SpectralNormLinearImpl>(in, out, with_bias, kind);
  }
  throw std::logic_error("unknown weight form");
}

EmbeddingImpl::EmbeddingImpl(std::int64_t rows, std::int64_t width) {
  weight = register_parameter("weight", unfilled({rows, width}), ParameterKind::embedding);
}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& indices) const {
  return torch::embedding(weight, indices);
}

torch::Tensor EmbeddingImpl::forward_beside_head(const torch::Tensor& indices) const {
  const bool is_sparse = weight.is_cpu();
  return torch::embedding(weight, indices, /*padding_idx=*/-1, /*scale_grad_by_freq=*/false,
                          is_sparse);
}

}  // namespace aero::model
