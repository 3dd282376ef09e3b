#include "aero/ops/linear.h"

#include "aero/ops/autocast.h"

#include "column_sums.h"
#include "cuda_kernels.h"
#include "cuda_tensors.h"
#include "matrix_product.h"
#include "row_products.h"

#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <optional>

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool has_kernel(const torch::Tensor& x) {
  return has_cuda_kernels && has_known_numbers(x) && x.numel() > 0;
}

torch::Tensor sums_by_kernel(const torch::Tensor& x) {
  const c10::DeviceGuard guard(x.device());
  const auto given = aligned_rows(x);
  const auto columns = x.size(-1);
  const auto floats = x.options().dtype(torch::kFloat32);
  auto sums = torch::empty({columns}, floats);
  if constexpr (has_cuda_kernels) {
    const CudaMatrix matrix{given.const_data_ptr(), number_type(x.scalar_type()),
                            x.numel() / columns, static_cast<int>(columns)};
    const auto partials = torch::empty({column_sum_partials(matrix)}, floats);
    const char* const error =
        column_sums(matrix, sums.data_ptr<float>(), partials.data_ptr<float>(),
                    current_cuda_stream(x.device()));
    TORCH_CHECK(error == nullptr, "CUDA, at the sums of columns of ", x.sizes(), ": ", error);
  }
  return sums;
}

/// Returns y, to which the bias was added already, and gives the bias its gradient. What it returns
/// is not y itself, since autograd lets nobody change in place what came in.
class BiasGradient : public torch::autograd::Function<BiasGradient> {
 public:
  static torch::Tensor forward(AutogradContext* /*context*/, const torch::Tensor& y,
                               const torch::Tensor& /*bias*/) {
    return y.variable_data();
  }

  static variable_list backward(AutogradContext* /*context*/, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's bias on CUDA is differentiable once");
    return {gradients[0], column_sums(gradients[0])};
  }
};

/// Computes x weight^T + bias on the CPU, x [rows, in] in the dtype of the products.
class LinearProduct : public torch::autograd::Function<LinearProduct> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight,
                               const std::optional<torch::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return matrix_product(x, weight.t(), x.scalar_type(), bias.value_or(torch::Tensor()));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's linear layer is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto dy = gradients[0].contiguous();
    variable_list result(3);
    if (context->needs_input_grad(0)) result[0] = product(dy, weight, x.scalar_type());
    if (context->needs_input_grad(1)) result[1] = product(dy.t(), x, weight.scalar_type());
    const bool has_bias = context->saved_data["has_bias"].toBool();
    if (has_bias && context->needs_input_grad(2)) {
      result[2] = dy.sum(0, /*keepdim=*/false, torch::kFloat32);
    }
    return result;
  }
};

/// An input of a differentiable function must be defined, or absent.
std::optional<torch::Tensor> optional(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

/// Tells whether AERO computes the product of x, in the products' dtype, and a weight.
bool has_own_product(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias) {
  return x.is_cpu() && weight.scalar_type() == torch::kFloat32 &&
         (!bias.defined() || bias.scalar_type() == torch::kFloat32) &&
         has_matrix_product(x, weight.detach().t());
}

/// Computes the product of few rows, x in the products' dtype, where nobody asks for a gradient and
/// AERO has a kernel for them. Autocast keeps the cast copy of a parameter as long as its guard
/// lives.
std::optional<torch::Tensor> product_of_few_rows(const torch::Tensor& x,
                                                 const torch::Tensor& weight,
                                                 const torch::Tensor& bias) {
  if (torch::GradMode::is_enabled() || !may_have_row_product(x)) return std::nullopt;
  if (bias.defined() && bias.scalar_type() != torch::kFloat32) return std::nullopt;
  const auto cast = at::autocast::is_autocast_enabled(torch::kCPU)
                        ? at::autocast::cached_cast(x.scalar_type(), weight, torch::kCPU)
                        : weight;
  if (!has_row_product(x, cast)) return std::nullopt;
  return row_product(x, cast, bias.defined() ? bias.contiguous() : bias);
}

}  // namespace

torch::Tensor column_sums(const torch::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  if (has_kernel(x)) return sums_by_kernel(x);
  return x.flatten(0, -2).sum(0);
}

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias) {
  if (x.is_cpu() && x.dim() > 1) {
    const auto rows = to_autocast_dtype(x).flatten(0, -2);
    auto sizes = x.sizes().vec();
    sizes.back() = weight.size(0);
    if (const auto few = product_of_few_rows(rows, weight, bias)) return few->view(sizes);
    if (has_own_product(rows, weight, bias)) {
      return LinearProduct::apply(rows, weight, optional(bias)).view(sizes);
    }
  }
  const bool trains = bias.defined() && bias.requires_grad() && torch::GradMode::is_enabled();
  const bool casts = at::autocast::is_autocast_enabled(x.device().type());
  if (!trains || !casts || !has_kernel(x)) return torch::linear(x, weight, bias);
  return BiasGradient::apply(torch::linear(x, weight, bias.detach()), bias);
}

}  // namespace aero::ops
