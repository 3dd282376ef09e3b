#include "aero/ops/linear_cross_entropy.h"

#include "aero/ops/autocast.h"

#include "cross_entropy_paths.h"
#include "matrix_product.h"

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/autograd.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace aero::ops {
namespace {

void check_targets(const torch::Tensor& targets, std::int64_t vocabulary) {
  const auto bad =
      targets.ne(ignored_target).logical_and(targets.lt(0).logical_or(targets.ge(vocabulary)));
  if (targets.is_cuda()) {  // does not wait for the device
    at::_assert_async(bad.any().logical_not(), "a target is outside of the vocabulary");
    return;
  }
  TORCH_CHECK_INDEX(!bad.any().item<bool>(), "a target is outside of the vocabulary of ",
                    vocabulary);
}

/// Pads the weight with rows of zeros to a multiple of 64, except on the CPU: fast products and
/// kernels need rows of logits in whole packs.
torch::Tensor padded(const torch::Tensor& weight) {
  constexpr std::int64_t multiple = 64;
  const auto missing = (multiple - weight.size(0) % multiple) % multiple;
  if (weight.is_cpu() || missing == 0) return weight;
  return at::constant_pad_nd(weight, {0, 0, 0, missing});
}

/// Chooses the rows of a block. On a GPU, blocks are larger, since each is another sweep over the
/// weight's gradient, and of nearly equal size.
std::int64_t rows_of_block(const torch::Tensor& hidden, std::int64_t vocabulary,
                           const std::optional<std::int64_t>& block_logits) {
  constexpr std::int64_t device_block_logits = 4 * default_block_logits;
  const auto rows = std::max<std::int64_t>(hidden.size(0), 1);
  const auto fitting = [&](std::int64_t logits) {
    return std::clamp<std::int64_t>(logits / vocabulary, 1, rows);
  };
  if (block_logits || hidden.is_cpu()) return fitting(block_logits.value_or(default_block_logits));
  const auto blocks = (rows - 1) / fitting(device_block_logits) + 1;
  return (rows - 1) / blocks + 1;
}

/// Sums gradient^T h over all blocks, in the weight's dtype; on CUDA in float32 or wider.
class WeightGradient {
 public:
  explicit WeightGradient(torch::ScalarType dtype) : dtype_(dtype) {}

  void add(const torch::Tensor& gradient, const torch::Tensor& h) {
    if (h.is_cuda()) {
      add_in_place(gradient.t(), h);
      return;
    }
    if (dtype_ == torch::kFloat32 && has_matrix_product(gradient.t(), h)) {
      if (sum_.defined()) {
        add_matrix_product(sum_, gradient.t(), h);
      } else {
        sum_ = matrix_product(gradient.t(), h, dtype_);
      }
      return;
    }
    const auto product = torch::matmul(gradient.t(), h).to(dtype_);
    if (sum_.defined()) {
      sum_ += product;
    } else {
      sum_ = product;
    }
  }

  const torch::Tensor& sum() const { return sum_; }

 private:
  /// Lets cuBLAS add to the sum in place, so that no product is kept beside it.
  void add_in_place(const torch::Tensor& a, const torch::Tensor& b) {
    const auto wide = torch::promote_types(b.scalar_type(), torch::kFloat32);
    if (wide == b.scalar_type()) {
      if (sum_.defined()) {
        sum_.addmm_(a, b);
      } else {
        sum_ = torch::mm(a, b);
      }
    } else if (sum_.defined()) {
      at::addmm_out(sum_, sum_, a, b, wide, 1, 1);
    } else {
      sum_ = at::mm(a, b, wide);
    }
  }

  torch::ScalarType dtype_;
  torch::Tensor sum_;  // undefined before the first block
};

/// The loss of a batch, and its gradients, which the caller multiplies by `gradient_scale`.
struct Result {
  torch::Tensor loss;
  torch::Tensor gradient_scale;
  torch::Tensor hidden_gradient;  // undefined unless requested
  torch::Tensor weight_gradient;
};

/// Chooses the factor of softmax - onehot in the products.
double room_of(const torch::Tensor& h, const torch::Tensor& count, std::int64_t block) {
  if (h.is_cpu() && h.scalar_type() != torch::kHalf) {
    // The gradients then need no sweep to be divided by the count.
    const auto rows = count.item<double>();
    return rows > 0 ? 1 / rows : 1;
  }
  // Divided by the count, small entries would vanish in float16. Where the sum is not float32, the
  // sum of a block's rows must stay within the range of float16.
  return h.is_cuda() ? 1 : std::min(1.0, 4096.0 / static_cast<double>(block));
}

Result compute(const torch::Tensor& hidden, const torch::Tensor& weight,
               const torch::Tensor& all_targets, const std::optional<std::int64_t>& block_logits,
               bool hidden_needs, bool weight_needs) {
  const auto h = to_autocast_dtype(hidden);
  const bool by_own_products = has_matrix_product(h, weight.t());
  const auto w = by_own_products ? weight : padded(to_autocast_dtype(weight));
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto targets = all_targets.contiguous();
  const auto vocabulary = weight.size(0);
  check_targets(targets, vocabulary);
  const auto wide = torch::promote_types(h.scalar_type(), torch::kFloat32);
  const auto rows = h.size(0);
  const auto block = rows_of_block(h, vocabulary, block_logits);
  const auto count = targets.ne(ignored_target).sum().to(wide);
  const double room = room_of(h, count, block);

  Result result;
  result.loss = torch::zeros({}, h.options().dtype(wide));
  result.gradient_scale = (count.to(torch::kFloat64) * room).reciprocal().to(wide);
  if (hidden_needs) result.hidden_gradient = torch::empty_like(h, at::MemoryFormat::Contiguous);
  WeightGradient weight_gradient(weight.scalar_type());
  for (std::int64_t start = 0; start < rows; start += block) {
    const auto length = std::min(block, rows - start);
    auto h_block = h.narrow(0, start, length);
    const auto block_targets = targets.narrow(0, start, length);
    const auto logits = product(h_block, w.t(), h.scalar_type());
    const bool by_kernel = has_cross_entropy_kernel(logits);
    const auto [losses, gradient] =
        (by_kernel ? cross_entropy_by_kernel : cross_entropy_by_operations)(
            logits, vocabulary, block_targets, room, hidden_needs || weight_needs);
    result.loss += losses.sum();
    const auto left_out =
        by_kernel ? torch::Tensor() : block_targets.eq(ignored_target).unsqueeze(1);
    if (hidden_needs) {
      auto out = result.hidden_gradient.narrow(0, start, length);
      if (h.is_cpu()) {
        out.copy_(product(gradient, w, out.scalar_type()));
      } else {
        torch::matmul_out(out, gradient, w);
      }
      if (left_out.defined()) out.masked_fill_(left_out, 0);
    }
    if (!weight_needs) continue;
    if (left_out.defined()) h_block = h_block.masked_fill(left_out, 0);
    weight_gradient.add(gradient, h_block);
  }
  result.weight_gradient = weight_gradient.sum();
  // Only where it must: a view holds the sum a second time, and nothing is added to such in place.
  if (w.size(0) > vocabulary && result.weight_gradient.defined()) {
    result.weight_gradient = result.weight_gradient.narrow(0, 0, vocabulary);
  }
  result.loss /= count;
  return result;
}

class LinearCrossEntropy : public torch::autograd::Function<LinearCrossEntropy> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& hidden, const torch::Tensor& weight,
                               const torch::Tensor& targets,
                               const std::optional<std::int64_t>& block_logits,
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
    TORCH_CHECK(saved.count("gradient_scale") > 0, "AERO's loss hands its gradients over once");
    const auto scale = outputs[0] * saved["gradient_scale"].toTensor();
    saved.erase("gradient_scale");
    const bool keeps = scale.is_cpu() && scale.item<double>() == 1;
    const auto scaled = [&](const char* gradient_name, const char* dtype_name) {
      auto gradient = saved[gradient_name].toTensor();
      saved.erase(gradient_name);  // its one holder may then keep it as the parameter's gradient
      if (!gradient.defined()) return gradient;
      if (!keeps) gradient = gradient.to(scale.scalar_type()) * scale;
      return gradient.to(saved[dtype_name].toScalarType());
    };
    return {scaled("hidden_gradient", "hidden_dtype"), scaled("weight_gradient", "weight_dtype"),
            torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor linear_cross_entropy(const torch::Tensor& hidden, const torch::Tensor& weight,
                                   const torch::Tensor& targets,
                                   const std::optional<std::int64_t>& block_logits) {
  const bool with_gradient =
      torch::GradMode::is_enabled() && (hidden.requires_grad() || weight.requires_grad());
  return LinearCrossEntropy::apply(hidden, weight, targets, block_logits, with_gradient);
}

}  // namespace aero::ops
