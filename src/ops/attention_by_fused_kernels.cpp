#include "attention_paths.h"

#include <ATen/ATen.h>
#include <ATen/SDPBackend.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

// Let A = softmax(s), s_ij = scale q_i . k_j, and M = A K. A fused kernel gives M beside the output
// A V when each value is followed by its key, [V | K]. Then
//   entropy_i = LSE_i - scale q_i . M_i
// The entropy's gradient g_i reaches q and k in three ways: through LSE, through q in q . M, and
// through M. The first two cancel: for q, g scale M - g scale M; for k, g scale A^T q and the
// gradient of the keys as values. What remains is the kernel's backward pass for [dO | dM] with
// dM_i = -g_i scale q_i, without the gradient of the keys as values. So the gradient of LSE, which
// the kernels do not support, is not needed.

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

enum class Kernel : std::int64_t {
  none,
  cpu,        // any dtype
  flash,      // bfloat16 and float16 in and out
  efficient,  // float32 in and out
};

bool is_half(torch::ScalarType dtype) {
  return dtype == torch::kBFloat16 || dtype == torch::kFloat16;
}

/// Asks LibTorch, which knows the card. Where it prefers cuDNN, flash works, too.
bool flash_takes(const torch::Tensor& queries, const torch::Tensor& keys,
                 const torch::Tensor& values, double scale, bool with_entropy) {
  if (queries.size(3) % 8 != 0) return false;  // PyTorch would pad such heads
  // For the entropy, as_long_as_values() makes heads of twice the width.
  constexpr std::int64_t widest = 192;  // every card differentiates heads of this width
  if (with_entropy && 2 * queries.size(3) > widest) return false;
  const auto choice = static_cast<at::SDPBackend>(
      at::_fused_sdp_choice(queries, keys, values, {}, 0.0, /*is_causal=*/true, scale));
  return choice == at::SDPBackend::flash_attention || choice == at::SDPBackend::cudnn_attention;
}

Kernel choose(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
              double scale, const torch::Tensor& temperature, bool with_entropy) {
  if (queries.numel() == 0) return Kernel::none;
  if (queries.is_cpu()) return Kernel::cpu;
  if (!queries.is_cuda()) return Kernel::none;
  const bool half = is_half(queries.scalar_type());
  // The flash kernel rounds its results to the queries' dtype, and the mean score multiplies this
  // error in the gradient of a temperature.
  if (half && !temperature.defined() && flash_takes(queries, keys, values, scale, with_entropy)) {
    return Kernel::flash;
  }
  const bool single = half || queries.scalar_type() == torch::kFloat32;
  return single && queries.size(3) % 4 == 0 ? Kernel::efficient : Kernel::none;
}

/// Makes an empty [B, H, T, 2 d_k] of `dtype`: heads of twice the width of `like`.
torch::Tensor empty_pairs(const torch::Tensor& like, torch::ScalarType dtype) {
  return torch::empty({like.size(0), like.size(2), like.size(1), 2 * like.size(3)},
                      like.options().dtype(dtype))
      .transpose(1, 2);
}

torch::Tensor first_of(const torch::Tensor& pairs) {
  return pairs.narrow(3, 0, pairs.size(3) / 2);
}

torch::Tensor second_of(const torch::Tensor& pairs) {
  return pairs.narrow(3, pairs.size(3) / 2, pairs.size(3) / 2);
}

/// Appends zeros to keys and queries, which do not change the scores. Only the efficient kernel
/// takes values that are longer than keys.
torch::Tensor as_long_as_values(Kernel kernel, const torch::Tensor& x) {
  if (kernel == Kernel::efficient) return x;
  auto padded = empty_pairs(x, x.scalar_type());
  first_of(padded).copy_(x);
  second_of(padded).zero_();
  return padded;
}

struct Attended {
  torch::Tensor output;        // [B, H, T, d_k]
  torch::Tensor log_sum_exp;   // [B, H, T], or T up to the next multiple of 32
  torch::Tensor seed, offset;  // of dropout, which is off; the backward pass needs them
};

Attended attend(Kernel kernel, const torch::Tensor& q, const torch::Tensor& k,
                const torch::Tensor& v, double scale) {
  constexpr bool causal = true;
  Attended result;
  if (kernel == Kernel::flash) {
    std::tie(result.output, result.log_sum_exp, std::ignore, std::ignore, std::ignore, std::ignore,
             result.seed, result.offset, std::ignore) =
        at::_scaled_dot_product_flash_attention(q, k, v, 0.0, causal, false, scale);
  } else if (kernel == Kernel::efficient) {
    std::tie(result.output, result.log_sum_exp, result.seed, result.offset) =
        at::_scaled_dot_product_efficient_attention(q, k, v, {}, true, 0.0, causal, scale);
  } else {
    std::tie(result.output, result.log_sum_exp) =
        at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, {}, scale);
  }
  return result;
}

struct Gradients {
  torch::Tensor queries, keys, values;
};

Gradients differentiate(Kernel kernel, const torch::Tensor& dout, const torch::Tensor& q,
                        const torch::Tensor& k, const torch::Tensor& v, const Attended& forward,
                        double scale) {
  constexpr bool causal = true;
  const auto length = q.size(2);
  Gradients result;
  if (kernel == Kernel::flash) {
    std::tie(result.queries, result.keys, result.values) =
        at::_scaled_dot_product_flash_attention_backward(
            dout, q, k, v, forward.output, forward.log_sum_exp, {}, {}, length, length, 0.0, causal,
            forward.seed, forward.offset, scale);
  } else if (kernel == Kernel::efficient) {
    std::tie(result.queries, result.keys, result.values, std::ignore) =
        at::_scaled_dot_product_efficient_attention_backward(
            dout, q, k, v, {}, forward.output, forward.log_sum_exp, forward.seed, forward.offset,
            0.0, {true, true, true, false}, causal, scale);
  } else {
    std::tie(result.queries, result.keys, result.values) =
        at::_scaled_dot_product_flash_attention_for_cpu_backward(
            dout, q, k, v, forward.output, forward.log_sum_exp, 0.0, causal, {}, scale);
  }
  return result;
}

/// Makes 1 / t a factor for [B, H, T, d_k].
torch::Tensor inverse(const torch::Tensor& temperature, torch::ScalarType dtype) {
  return temperature.to(dtype).reciprocal().unsqueeze(-1);
}

class FusedAttention : public torch::autograd::Function<FusedAttention> {
 public:
  static variable_list forward(AutogradContext* context, const torch::Tensor& queries,
                               const torch::Tensor& keys, const torch::Tensor& values,
                               const std::optional<torch::Tensor>& temperature, double scale,
                               bool with_entropy, std::int64_t kernel_number) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto kernel = static_cast<Kernel>(kernel_number);
    const auto dtype = queries.scalar_type();
    const auto wide = torch::promote_types(dtype, torch::kFloat32);
    const auto inner = kernel == Kernel::efficient || temperature ? wide : dtype;
    // The temperature goes into the queries, s = scale (q / t) . k.
    auto q = aligned(temperature ? queries * inverse(*temperature, wide) : queries.to(inner));
    auto k = aligned(keys.to(inner));
    auto v = with_entropy ? empty_pairs(values, inner) : aligned(values.to(inner));
    if (with_entropy) {
      first_of(v).copy_(values);
      second_of(v).copy_(keys);
      q = as_long_as_values(kernel, q);
      k = as_long_as_values(kernel, k);
    }
    const auto result = attend(kernel, q, k, v, scale);
    context->set_materialize_grads(false);
    context->save_for_backward({q, k, v, temperature.value_or(torch::Tensor()), result.output,
                                result.log_sum_exp, result.seed, result.offset});
    context->saved_data["scale"] = scale;
    context->saved_data["kernel"] = kernel_number;
    context->saved_data["dtype"] = dtype;
    if (!with_entropy) return {result.output.to(dtype)};
    const auto heads = q.narrow(3, 0, queries.size(3));
    const auto mean_score = (second_of(result.output) * heads.to(wide)).sum(-1).mul_(scale);
    return {first_of(result.output).to(dtype),
            result.log_sum_exp.narrow(2, 0, q.size(2)) - mean_score};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "entropy_attention is differentiable once");
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto saved = context->get_saved_variables();
    const auto& [q, k, v, temperature] = std::tie(saved[0], saved[1], saved[2], saved[3]);
    auto& data = context->saved_data;
    const auto scale = data["scale"].toDouble();
    const auto kernel = static_cast<Kernel>(data["kernel"].toInt());
    const auto dtype = data["dtype"].toScalarType();
    const bool with_entropy = gradients.size() > 1;
    const auto& output_gradient = gradients[0];
    if (!output_gradient.defined() && !(with_entropy && gradients[1].defined())) {
      return variable_list(7);
    }
    const auto heads = with_entropy ? q.narrow(3, 0, v.size(3) / 2) : q;  // q without zeros
    torch::Tensor incoming;
    if (with_entropy) {
      incoming = empty_pairs(heads, q.scalar_type());
      auto of_output = first_of(incoming);
      auto of_mean = second_of(incoming);
      output_gradient.defined() ? of_output.copy_(output_gradient) : of_output.zero_();
      if (gradients[1].defined()) {
        torch::mul_out(of_mean, heads, gradients[1].mul(-scale).unsqueeze(-1));
      } else {
        of_mean.zero_();
      }
    } else {
      incoming = aligned(output_gradient.to(q.scalar_type()));
    }
    auto sum =
        differentiate(kernel, incoming, q, k, v, {saved[4], saved[5], saved[6], saved[7]}, scale);
    if (with_entropy) {
      sum.queries = sum.queries.narrow(3, 0, heads.size(3));
      sum.keys = sum.keys.narrow(3, 0, heads.size(3));
      sum.values = first_of(sum.values);
    }
    // The first row's one weight is 1 whatever its score is, so its query has no gradient; a kernel
    // gives rounding errors there.
    sum.queries.select(2, 0).zero_();
    torch::Tensor temperature_gradient;
    if (temperature.defined()) {
      auto of_queries = empty_heads(heads, dtype);
      torch::mul_out(of_queries, sum.queries, inverse(temperature, q.scalar_type()));
      // sum_j ds_ij s_ij = - t_i dt_i
      const std::vector<std::int64_t> all_but_rows{0, 3};
      const auto sums = sum.queries.mul_(heads).sum(all_but_rows).to(temperature.scalar_type());
      temperature_gradient = sums.div_(temperature).neg_();
      sum.queries = of_queries;
    }
    return {sum.queries.to(dtype),
            sum.keys.to(dtype),
            output_gradient.defined() ? sum.values.to(dtype) : torch::Tensor(),
            temperature_gradient,
            torch::Tensor(),
            torch::Tensor(),
            torch::Tensor()};
  }
};

}  // namespace

std::optional<EntropyAttention> attention_by_fused_kernels(
    const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
    double scale, const torch::Tensor& temperature, bool with_entropy) {
  const auto kernel = choose(queries, keys, values, scale, temperature, with_entropy);
  if (kernel == Kernel::none) return std::nullopt;
  const auto t = temperature.defined() ? std::optional(temperature) : std::nullopt;
  const auto results = FusedAttention::apply(queries, keys, values, t, scale, with_entropy,
                                             static_cast<std::int64_t>(kernel));
  return EntropyAttention{results[0], with_entropy ? results[1] : torch::Tensor()};
}

}  // namespace aero::ops
