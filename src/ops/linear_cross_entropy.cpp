#include "aero/ops/linear_cross_entropy.h"

#include "aero/ops/autocast.h"

#include <ATen/Parallel.h>
#include <torch/autograd.h>

#include "softmax_rows.h"
#include <algorithm>
#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

constexpr std::int64_t ignored_target = -100;

/// Some rows of logits [n, V], worked on.
struct Rows {
  torch::Tensor losses;  // [n], float32 or wider; 0 for a row without a target
  torch::Tensor
      gradient;  // room (softmax - onehot), 0 for such a row; undefined where not asked for
};

bool has_kernel(const torch::Tensor& logits) {
  const auto dtype = logits.scalar_type();
  return logits.is_cpu() && (dtype == torch::kFloat32 || dtype == torch::kBFloat16);
}

/// `Bits` is what the kernel takes for the dtype of `logits`, which become the gradient.
template <class Bits>
Rows rows_by_kernel(const torch::Tensor& logits, const torch::Tensor& targets, double room,
                    bool with_gradient) {
  const auto vocabulary = logits.size(1);
  auto losses = torch::zeros({logits.size(0)}, torch::kFloat32);
  auto* const z = static_cast<Bits*>(logits.data_ptr());
  auto* const loss = losses.data_ptr<float>();
  const auto* const target = targets.data_ptr<std::int64_t>();
  at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(vocabulary));
    for (auto row = begin; row < end; ++row) {
      auto* const first = z + row * vocabulary;
      if (target[row] == ignored_target) {
        std::fill_n(first, vocabulary, Bits{});
        continue;
      }
      loss[row] = static_cast<float>(cross_entropy_row(first, vocabulary, target[row],
                                                       with_gradient ? static_cast<float>(room) : 0,
                                                       scratch.data()));
    }
  });
  return {losses, with_gradient ? logits : torch::Tensor()};
}

/// On any device, for any dtype.
Rows rows_by_operations(const torch::Tensor& logits, const torch::Tensor& targets, double room,
                        bool with_gradient) {
  const auto wide = torch::promote_types(logits.scalar_type(), torch::kFloat32);
  const auto ignored = targets.eq(ignored_target);
  const auto target = targets.masked_fill(ignored, 0).unsqueeze(1);
  auto log_probability = torch::log_softmax(logits, 1, wide);
  Rows rows;
  rows.losses = log_probability.gather(1, target).squeeze(1).neg().masked_fill(ignored, 0);
  if (!with_gradient) return rows;
  auto gradient = log_probability.exp_();
  gradient.scatter_add_(1, target, torch::full_like(target, -1, gradient.options()));
  rows.gradient = gradient.mul_(ignored.logical_not().to(wide).mul_(room).unsqueeze(1))
                      .to(logits.scalar_type());
  return rows;
}

Rows work_on(const torch::Tensor& logits, const torch::Tensor& targets, double room,
             bool with_gradient) {
  if (!has_kernel(logits)) return rows_by_operations(logits, targets, room, with_gradient);
  if (logits.scalar_type() == torch::kFloat32) {
    return rows_by_kernel<float>(logits, targets, room, with_gradient);
  }
  return rows_by_kernel<std::uint16_t>(logits, targets, room, with_gradient);
}

void check_targets(const torch::Tensor& targets, std::int64_t vocabulary) {
  const auto bad =
      targets.ne(ignored_target).logical_and(targets.lt(0).logical_or(targets.ge(vocabulary)));
  TORCH_CHECK_INDEX(!bad.any().item<bool>(), "a target is outside of the vocabulary of ",
                    vocabulary);
}

/// The loss of a whole batch, and its gradients still to be multiplied by `gradient_scale`.
struct Result {
  torch::Tensor loss;
  torch::Tensor gradient_scale;
  torch::Tensor hidden_gradient;  // undefined where not asked for
  torch::Tensor weight_gradient;
};

Result compute(const torch::Tensor& hidden, const torch::Tensor& weight,
               const torch::Tensor& all_targets, std::int64_t block_logits, bool hidden_needs,
               bool weight_needs) {
  const auto h = to_autocast_dtype(hidden);
  const auto w = to_autocast_dtype(weight);
  const auto targets = all_targets.contiguous();
  check_targets(targets, w.size(0));
  const auto wide = torch::promote_types(h.scalar_type(), torch::kFloat32);
  const auto rows = h.size(0);
  const auto block =
      std::clamp<std::int64_t>(block_logits / w.size(0), 1, std::max<std::int64_t>(rows, 1));
  const auto count = targets.ne(ignored_target).sum().to(wide);
  // softmax - onehot is divided by the count only after the products, for divided first its small
  // entries vanish in float16. `room` keeps the sum of a block's rows within float16.
  const double room = std::min(1.0, 4096.0 / static_cast<double>(block));

  Result result;
  result.loss = torch::zeros({}, h.options().dtype(wide));
  result.gradient_scale = (count * room).reciprocal();
  if (hidden_needs) result.hidden_gradient = torch::empty_like(h, at::MemoryFormat::Contiguous);
  for (std::int64_t start = 0; start < rows; start += block) {
    const auto length = std::min(block, rows - start);
    const auto h_block = h.narrow(0, start, length);
    const auto [losses, gradient] =
        work_on(torch::matmul(h_block, w.t()), targets.narrow(0, start, length), room,
                hidden_needs || weight_needs);
    result.loss += losses.sum();
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
      auto gradient = saved[gradient_name].toTensor();
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
