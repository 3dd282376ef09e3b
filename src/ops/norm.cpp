#include "aero/ops/norm.h"

#include "aero/ops/autocast.h"

#include "norm_paths.h"

#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <optional>

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class NormFunction : public torch::autograd::Function<NormFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight,
                               const std::optional<torch::Tensor>& bias, double eps,
                               bool is_centred, torch::ScalarType dtype) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const NormInputs inputs{x, weight, bias.value_or(torch::Tensor()), eps, is_centred};
    const auto rows = norm_by_kernel(inputs, dtype);
    context->save_for_backward({x, weight, inputs.bias, rows.mean, rows.scale});
    context->saved_data["eps"] = eps;
    context->saved_data["is_centred"] = is_centred;
    return rows.y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's norm on CUDA is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto saved = context->get_saved_variables();
    const NormInputs inputs{saved[0], saved[1], saved[2], context->saved_data["eps"].toDouble(),
                            context->saved_data["is_centred"].toBool()};
    const auto out = differentiate_norm_by_kernel(inputs, {{}, saved[3], saved[4]}, gradients[0]);
    return {out.x, out.weight, out.bias, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

/// Gives nothing where AERO has no kernel for it.
std::optional<torch::Tensor> by_kernel(const NormInputs& in, NormDtype dtype) {
  const auto device = in.x.device().type();
  if (!at::autocast::is_autocast_enabled(device) || !has_norm_kernel(in)) return std::nullopt;
  const auto bias = in.bias.defined() ? std::optional(in.bias) : std::nullopt;
  const auto output =
      dtype == NormDtype::products ? at::autocast::get_autocast_dtype(device) : in.x.scalar_type();
  return NormFunction::apply(in.x, in.weight, bias, in.eps, in.is_centred, output);
}

torch::Tensor in_dtype(const torch::Tensor& y, NormDtype dtype) {
  return dtype == NormDtype::products ? to_autocast_dtype(y) : y;
}

}  // namespace

torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps, NormDtype dtype) {
  if (const auto y = by_kernel({x, weight, bias, eps, /*is_centred=*/true}, dtype)) return *y;
  return in_dtype(torch::layer_norm(x, weight.sizes(), weight, bias, eps), dtype);
}

torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps,
                       NormDtype dtype) {
  if (const auto y = by_kernel({x, weight, {}, eps, /*is_centred=*/false}, dtype)) return *y;
  return in_dtype(torch::rms_norm(x, weight.sizes(), weight, eps), dtype);
}

}  // namespace aero::ops
