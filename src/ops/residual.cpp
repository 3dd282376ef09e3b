#include "aero/ops/residual.h"

#include "aero/ops/autocast.h"

#include "cuda_kernels.h"
#include "cuda_tensors.h"
#include "residual_rows.h"

#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <optional>
#include <tuple>

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check(const char* error, const torch::Tensor& x) {
  TORCH_CHECK(error == nullptr, "CUDA, at the residual stream of ", x.sizes(), " numbers: ", error);
}

bool is_float_on_cuda(const torch::Tensor& x) {
  return x.is_cuda() && x.scalar_type() == torch::kFloat32;
}

class CastOfSumFunction : public torch::autograd::Function<CastOfSumFunction> {
 public:
  static variable_list forward(AutogradContext* context, const torch::Tensor& x,
                               const std::optional<torch::Tensor>& branch,
                               torch::ScalarType dtype) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const c10::DeviceGuard guard(x.device());
    const auto of_stream = aligned_rows(x);
    const auto of_branch = aligned_rows(branch.value_or(torch::Tensor()));
    const auto sum = branch ? torch::empty_like(of_stream) : x;
    const auto y = torch::empty(x.sizes(), x.options().dtype(dtype));
    if constexpr (has_cuda_kernels) {
      const CudaCastOfSum work{numbers(of_stream), address(of_branch),
                               branch ? numbers(sum) : nullptr, y.data_ptr()};
      check(cast_of_sum({x.numel(), number_type(dtype)}, work, current_cuda_stream(x.device())), x);
    }
    context->set_materialize_grads(false);
    context->saved_data["has_branch"] = branch.has_value();
    context->saved_data["dtype"] = dtype;
    return {sum, y};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's sum on CUDA is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto& any = gradients[0].defined() ? gradients[0] : gradients[1];
    if (!any.defined()) return variable_list(3);
    const c10::DeviceGuard guard(any.device());
    const auto dtype = context->saved_data["dtype"].toScalarType();
    const auto of_sum = aligned_rows(gradients[0]);
    const auto of_y = aligned_rows(gradients[1].defined()
                                       ? gradients[1]
                                       : torch::zeros(any.sizes(), any.options().dtype(dtype)));
    const auto x = torch::empty(any.sizes(), any.options().dtype(torch::kFloat32));
    const auto branch =
        context->saved_data["has_branch"].toBool() ? torch::empty_like(of_y) : torch::Tensor();
    if constexpr (has_cuda_kernels) {
      const CudaCastOfSum work{numbers(of_sum), of_y.data_ptr(), numbers(x), address(branch)};
      check(cast_of_sum({x.numel(), number_type(dtype)}, work, current_cuda_stream(x.device())), x);
    }
    return {x, branch, torch::Tensor()};
  }
};

class ScaledSumFunction : public torch::autograd::Function<ScaledSumFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& h,
                               const torch::Tensor& f, const torch::Tensor& alpha,
                               const torch::Tensor& beta) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const c10::DeviceGuard guard(h.device());
    const auto of_h = aligned_rows(h);
    const auto of_f = aligned_rows(f);
    const auto y = torch::empty(h.sizes(), h.options());
    if constexpr (has_cuda_kernels) {
      check(scaled_sum({h.numel(), number_type(f.scalar_type())},
                       {numbers(of_h), of_f.data_ptr(), numbers(alpha), numbers(beta)}, numbers(y),
                       current_cuda_stream(h.device())),
            h);
    }
    context->save_for_backward({of_h, of_f, alpha, beta});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's sum on CUDA is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto saved = context->get_saved_variables();
    const auto& [h, f, alpha, beta] = std::tie(saved[0], saved[1], saved[2], saved[3]);
    const c10::DeviceGuard guard(h.device());
    const auto given = aligned_rows(gradients[0]);
    const variable_list out{torch::empty_like(h), torch::empty_like(f), torch::empty_like(alpha),
                            torch::empty_like(beta)};
    if constexpr (has_cuda_kernels) {
      const CudaResidual residual{h.numel(), number_type(f.scalar_type())};
      const auto partials = torch::empty({scaled_sum_partials(residual)}, h.options());
      const CudaScaledSumGradients work{numbers(given),  numbers(out[0]), address(out[1]),
                                        numbers(out[2]), numbers(out[3]), numbers(partials)};
      check(differentiate_scaled_sum(residual,
                                     {numbers(h), f.data_ptr(), numbers(alpha), numbers(beta)},
                                     work, current_cuda_stream(h.device())),
            h);
    }
    return out;
  }
};

/// Tells whether autocast is on and x is what a kernel takes as a stream.
bool is_stream(const torch::Tensor& x) {
  return has_cuda_kernels && is_float_on_cuda(x) && x.numel() > 0 &&
         at::autocast::is_autocast_enabled(torch::kCUDA);
}

bool has_cast_kernel(const torch::Tensor& x, const torch::Tensor& branch) {
  if (!is_stream(x)) return false;
  return !branch.defined() ||
         (branch.device() == x.device() && branch.sizes() == x.sizes() &&
          branch.scalar_type() == at::autocast::get_autocast_dtype(torch::kCUDA));
}

bool has_scale_kernel(const torch::Tensor& h, const torch::Tensor& f, const torch::Tensor& alpha,
                      const torch::Tensor& beta) {
  const auto is_scale = [&](const torch::Tensor& x) {
    return is_float_on_cuda(x) && x.device() == h.device() && x.numel() == 1;
  };
  return is_stream(h) && has_known_numbers(f) && f.device() == h.device() &&
         f.sizes() == h.sizes() && is_scale(alpha) && is_scale(beta);
}

}  // namespace

Summed cast_of_sum(const torch::Tensor& x, const torch::Tensor& branch) {
  if (has_cast_kernel(x, branch)) {
    const auto added = branch.defined() ? std::optional(branch) : std::nullopt;
    const auto out =
        CastOfSumFunction::apply(x, added, at::autocast::get_autocast_dtype(torch::kCUDA));
    return {out[0], out[1]};
  }
  const auto sum = branch.defined() ? x + branch : x;
  return {sum, to_autocast_dtype(sum)};
}

torch::Tensor scaled_sum(const torch::Tensor& h, const torch::Tensor& f, const torch::Tensor& alpha,
                         const torch::Tensor& beta) {
  if (has_scale_kernel(h, f, alpha, beta)) return ScaledSumFunction::apply(h, f, alpha, beta);
  return beta * h + f / alpha;
}

}  // namespace aero::ops
