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

/// Gives the sum, which is x itself where there is no branch, and y.
class NormFunction : public torch::autograd::Function<NormFunction> {
 public:
  static variable_list forward(AutogradContext* context, const torch::Tensor& x,
                               const std::optional<torch::Tensor>& branch,
                               const torch::Tensor& weight,
                               const std::optional<torch::Tensor>& bias, double eps,
                               bool is_centred, torch::ScalarType dtype) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const NormInputs inputs{x,      branch.value_or(torch::Tensor()),
                            weight, bias.value_or(torch::Tensor()),
                            eps,    is_centred};
    const auto rows = norm_by_kernel(inputs, dtype);
    const auto& sum = branch ? rows.sum : x;
    context->save_for_backward({sum, weight, inputs.bias, rows.mean, rows.scale});
    context->saved_data["eps"] = eps;
    context->saved_data["is_centred"] = is_centred;
    context->saved_data["has_branch"] = branch.has_value();
    context->saved_data["dtype"] = dtype;
    context->set_materialize_grads(false);  // a sum that nobody else reads has no gradient
    return {sum, rows.y};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's norm on CUDA is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto saved = context->get_saved_variables();
    const auto& sum = saved[0];
    const NormInputs inputs{sum,
                            {},
                            saved[1],
                            saved[2],
                            context->saved_data["eps"].toDouble(),
                            context->saved_data["is_centred"].toBool()};
    const bool has_branch = context->saved_data["has_branch"].toBool();
    if (!gradients[1].defined()) {  // nobody read y
      variable_list of_sum(7);
      of_sum[0] = gradients[0];
      if (has_branch && gradients[0].defined()) {
        of_sum[1] = gradients[0].to(context->saved_data["dtype"].toScalarType());
      }
      return of_sum;
    }
    const auto out = differentiate_norm_by_kernel(inputs, {{}, {}, saved[3], saved[4]},
                                                  gradients[1], gradients[0], has_branch);
    return {out.x,           out.branch,      out.weight,     out.bias,
            torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

std::optional<torch::Tensor> if_defined(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

/// Gives nothing where AERO has no kernel for it.
std::optional<Summed> by_kernel(const NormInputs& in, NormDtype dtype) {
  const auto device = in.x.device().type();
  if (!at::autocast::is_autocast_enabled(device) || !has_norm_kernel(in)) return std::nullopt;
  const auto output =
      dtype == NormDtype::products ? at::autocast::get_autocast_dtype(device) : in.x.scalar_type();
  if (in.branch.defined() && in.branch.scalar_type() != output) return std::nullopt;
  const auto out = NormFunction::apply(in.x, if_defined(in.branch), in.weight, if_defined(in.bias),
                                       in.eps, in.is_centred, output);
  return Summed{out[0], out[1]};
}

torch::Tensor in_dtype(const torch::Tensor& y, NormDtype dtype) {
  return dtype == NormDtype::products ? to_autocast_dtype(y) : y;
}

torch::Tensor by_pytorch(const NormInputs& in) {
  if (in.is_centred) return torch::layer_norm(in.x, in.weight.sizes(), in.weight, in.bias, in.eps);
  return torch::rms_norm(in.x, in.weight.sizes(), in.weight, in.eps);
}

Summed norm(const NormInputs& in, NormDtype dtype) {
  if (const auto out = by_kernel(in, dtype)) return *out;
  if (in.branch.defined()) {
    return norm({in.x + in.branch, {}, in.weight, in.bias, in.eps, in.is_centred}, dtype);
  }
  return {in.x, in_dtype(by_pytorch(in), dtype)};
}

}  // namespace

Summed layer_norm_of_sum(const torch::Tensor& x, const torch::Tensor& branch,
                         const torch::Tensor& weight, const torch::Tensor& bias, double eps,
                         NormDtype dtype) {
  return norm({x, branch, weight, bias, eps, /*is_centred=*/true}, dtype);
}

Summed rms_norm_of_sum(const torch::Tensor& x, const torch::Tensor& branch,
                       const torch::Tensor& weight, double eps, NormDtype dtype) {
  return norm({x, branch, weight, {}, eps, /*is_centred=*/false}, dtype);
}

torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight,
                         const torch::Tensor& bias, double eps, NormDtype dtype) {
  return layer_norm_of_sum(x, {}, weight, bias, eps, dtype).y;
}

torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps,
                       NormDtype dtype) {
  return rms_norm_of_sum(x, {}, weight, eps, dtype).y;
}

}  // namespace aero::ops
