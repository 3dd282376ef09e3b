#include "aero/ops/entropy_attention.h"

#include "attention_paths.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <optional>

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

torch::ScalarType wide_dtype(const torch::Tensor& queries) {
  return torch::promote_types(queries.scalar_type(), torch::kFloat32);
}

torch::Tensor row_scale(const torch::Tensor& queries, double scale,
                        const torch::Tensor& temperature) {
  const auto options = queries.options().dtype(wide_dtype(queries));
  if (!temperature.defined())
    return torch::full({queries.size(1), queries.size(2)}, scale, options);
  return temperature.to(options.dtype()).reciprocal().mul_(scale);
}

void check(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
           const torch::Tensor& temperature) {
  TORCH_CHECK(queries.dim() == 4, "entropy_attention takes queries [B, H, T, d_k], not ",
              queries.sizes());
  TORCH_CHECK(keys.sizes() == queries.sizes() && values.sizes() == queries.sizes(),
              "entropy_attention takes keys and values of the queries' shape ", queries.sizes(),
              ", not ", keys.sizes(), " and ", values.sizes());
  const auto dtype = queries.scalar_type();
  TORCH_CHECK(keys.scalar_type() == dtype && values.scalar_type() == dtype,
              "entropy_attention takes keys and values of the queries' dtype ", dtype, ", not ",
              keys.scalar_type(), " and ", values.scalar_type());
  if (!temperature.defined()) return;
  TORCH_CHECK(temperature.dim() == 2 && temperature.size(0) == queries.size(1) &&
                  temperature.size(1) == queries.size(2),
              "entropy_attention takes a temperature [H, T], here [", queries.size(1), ", ",
              queries.size(2), "], not ", temperature.sizes());
}

AttentionRows attend(const AttentionInputs& inputs) {
  if (has_attention_kernel(inputs.queries)) return attention_by_kernel(inputs);
  if (has_cuda_attention_kernel(inputs.queries)) return attention_by_cuda_kernel(inputs);
  return attention_by_operations(inputs, default_block_scores);
}

AttentionGradients differentiate(const AttentionInputs& inputs, const AttentionRows& rows,
                                 const ResultGradients& gradients) {
  if (has_attention_kernel(inputs.queries)) {
    return differentiate_by_kernel(inputs, rows, gradients);
  }
  if (has_cuda_attention_kernel(inputs.queries)) {
    return differentiate_by_cuda_kernel(inputs, rows, gradients);
  }
  return differentiate_by_operations(inputs, rows, gradients, default_block_scores);
}

class EntropyAttentionFunction : public torch::autograd::Function<EntropyAttentionFunction> {
 public:
  static variable_list forward(AutogradContext* context, const torch::Tensor& queries,
                               const torch::Tensor& keys, const torch::Tensor& values,
                               const std::optional<torch::Tensor>& temperature, double scale,
                               bool with_entropy) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto t = temperature.value_or(torch::Tensor());
    const AttentionInputs inputs{queries, keys, values, row_scale(queries, scale, t)};
    const auto rows = attend(inputs);
    context->set_materialize_grads(false);
    context->save_for_backward(
        {queries, keys, values, t, rows.output, rows.largest, rows.log_sum, rows.mean});
    context->saved_data["scale"] = scale;
    if (!with_entropy) return {rows.output};
    return {rows.output, rows.log_sum - rows.mean};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "entropy_attention is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto saved = context->get_saved_variables();
    const auto& queries = saved[0];
    const auto& temperature = saved[3];
    const double scale = context->saved_data["scale"].toDouble();
    const AttentionInputs inputs{queries, saved[1], saved[2],
                                 row_scale(queries, scale, temperature)};
    const AttentionRows rows{saved[4], saved[5], saved[6], saved[7]};
    const ResultGradients given{gradients[0],
                                gradients.size() > 1 ? gradients[1] : torch::Tensor()};
    if (!given.output.defined() && !given.entropy.defined()) return variable_list(6);
    const auto result = differentiate(inputs, rows, given);
    torch::Tensor temperature_gradient;
    if (temperature.defined()) {
      const auto sums = result.temperature_sum.sum(0).to(temperature.scalar_type());
      temperature_gradient = sums.div_(temperature).neg_();
    }
    return {result.queries,       result.keys,     result.values,
            temperature_gradient, torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

EntropyAttention entropy_attention(const torch::Tensor& queries, const torch::Tensor& keys,
                                   const torch::Tensor& values, double scale,
                                   const torch::Tensor& temperature, bool with_entropy) {
  check(queries, keys, values, temperature);
  if (!queries.is_cpu() && !has_cuda_attention_kernel(queries)) {
    const auto fused =
        attention_by_fused_kernels(queries, keys, values, scale, temperature, with_entropy);
    if (fused) return *fused;
  }
  const auto t = temperature.defined() ? std::optional(temperature) : std::nullopt;
  const auto results =
      EntropyAttentionFunction::apply(queries, keys, values, t, scale, with_entropy);
  return {results[0], with_entropy ? results[1] : torch::Tensor()};
}

}  // namespace aero::ops
