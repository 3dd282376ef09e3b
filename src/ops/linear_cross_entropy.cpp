#include "aero/ops/linear_cross_entropy.h"

#include "aero/ops/autocast.h"

#include <torch/autograd.h>

#include <algorithm>

namespace aero::ops {
namespace {

constexpr std::int64_t kIgnored = -100;

/// The loss of a whole batch, and its gradients still to be multiplied by `gradient_scale`.
struct Result {
  torch::Tensor loss;
  torch::Tensor gradient_scale;
  torch::Tensor hidden_gradient;  // undefined where not asked for
  torch::Tensor weight_gradient;
};

Result compute(const torch::Tensor& hidden, const torch::Tensor& weight,
               const torch::Tensor& targets, std::int64_t block_logits, bool hidden_needs,
               bool weight_needs) {
  const auto h = to_autocast_dtype(hidden);
  const auto w = to_autocast_dtype(weight);
  const auto wide = torch::promote_types(h.scalar_type(), torch::kFloat32);
  const auto rows = h.size(0);
  const auto block =
      std::clamp<std::int64_t>(block_logits / w.size(0), 1, std::max<std::int64_t>(rows, 1));
  const auto valid = targets.ne(kIgnored);
  const auto ignored = valid.logical_not();
  const auto known = targets.masked_fill(ignored, 0);
  const auto count = valid.sum().to(wide);
  // softmax - onehot is divided by the count only after the products, for divided first its small
  // entries vanish in float16. `room` keeps the sum of a block's rows within float16.
  const double room = std::min(1.0, 4096.0 / static_cast<double>(block));
  const auto weight_of_rows = valid.to(wide).mul_(room).unsqueeze_(1);

  Result result;
  result.loss = torch::zeros({}, h.options().dtype(wide));
  result.gradient_scale = (count * room).reciprocal();
  if (hidden_needs) result.hidden_gradient = torch::empty_like(h);
  for (std::int64_t start = 0; start < rows; start += block) {
    const auto length = std::min(block, rows - start);
    const auto h_block = h.narrow(0, start, length);
    const auto target = known.narrow(0, start, length).unsqueeze(1);
    auto log_probability = torch::log_softmax(torch::matmul(h_block, w.t()), 1, wide);
    const auto picked = log_probability.gather(1, target).squeeze(1);
    result.loss -= picked.masked_fill(ignored.narrow(0, start, length), 0).sum();
    if (!hidden_needs && !weight_needs) continue;
    auto gradient = log_probability.exp_();
    gradient.scatter_add_(1, target, torch::full({length, 1}, -1, gradient.options()));
    gradient = gradient.mul_(weight_of_rows.narrow(0, start, length)).to(h.scalar_type());
    if (hidden_needs) {
      auto out = result.hidden_gradient.narrow(0, start, length);
      torch::matmul_out(out, gradient, w);
    }
    if (!weight_needs) continue;
    const auto product = torch::matmul(gradient.t(), h_block).to(weight.scalar_type());
    if (result.weight_gradient.defined()) {
      result.weight_gradient += product;
    } else {
      result.weight_gradient = product;
    }
  }
  result.loss /= count;
  return result;
}

class LinearCrossEntropy : public torch::autograd::Function<LinearCrossEntropy> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& hidden, const torch::Tensor& weight,
                               const torch::Tensor& targets, std::int64_t block_logits,
                               bool with_gradient) {
    const bool hidden_needs = with_gradient && context->needs_input_grad(0);
    const bool weight_needs = with_gradient && context->needs_input_grad(1);
    auto result = compute(hidden, weight, targets, block_logits, hidden_needs, weight_needs);
    context->saved_data["gradient_scale"] = result.gradient_scale;
    context->saved_data["hidden_gradient"] = result.hidden_gradient;
    context->saved_data["weight_gradient"] = result.weight_gradient;
    context->saved_data["hidden_dtype"] = hidden.scalar_type();
    context->saved_data["weight_dtype"] = weight.scalar_type();
    return result.loss;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list outputs) {
    auto& saved = context->saved_data;
    const auto scale = outputs[0] * saved["gradient_scale"].toTensor();
    const auto scaled = [&](const char* gradient_name, const char* dtype_name) {
      const auto gradient = saved[gradient_name].toTensor();
      if (!gradient.defined()) return gradient;
      return (gradient.to(scale.scalar_type()) * scale).to(saved[dtype_name].toScalarType());
    };
    return {scaled("hidden_gradient", "hidden_dtype"), scaled("weight_gradient", "weight_dtype"),
            torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight,
                                   const torch::Tensor& targets, std::int64_t block_logits) {
  const bool with_gradient =
      torch::GradMode::is_enabled() && (hidden.requires_grad() || weight.requires_grad());
  return LinearCrossEntropy::apply(hidden, weight, targets, block_logits, with_gradient);
}

}  // namespace aero::ops
