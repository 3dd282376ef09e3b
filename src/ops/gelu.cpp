#include "aero/ops/gelu.h"

#include "gelu_numbers.h"

#include <ATen/Parallel.h>
#include <torch/autograd.h>

#include <cstdint>

namespace aero::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t numbers_a_thread = 16384;  // with fewer, starting a thread takes longer

std::uint16_t* bits_of(const torch::Tensor& x) {
  return reinterpret_cast<std::uint16_t*>(x.data_ptr());
}

/// By AERO's kernel, of bfloat16 on the CPU.
class GeluByKernel : public torch::autograd::Function<GeluByKernel> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& given,
                               bool is_exact) {
    const auto x = given.contiguous();
    context->save_for_backward({x});
    context->saved_data["is_exact"] = is_exact;
    auto y = torch::empty_like(x);
    at::parallel_for(0, x.numel(), numbers_a_thread, [&](std::int64_t begin, std::int64_t end) {
      (is_exact ? gelu_exact : gelu_tanh)(bits_of(x) + begin, end - begin, bits_of(y) + begin);
    });
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "AERO's GELU is differentiable once");
    const auto x = context->get_saved_variables()[0];
    const auto dy = gradients[0].contiguous();
    const bool is_exact = context->saved_data["is_exact"].toBool();
    auto dx = torch::empty_like(x);
    at::parallel_for(0, x.numel(), numbers_a_thread, [&](std::int64_t begin, std::int64_t end) {
      (is_exact ? differentiate_gelu_exact : differentiate_gelu_tanh)(
          bits_of(x) + begin, bits_of(dy) + begin, end - begin, bits_of(dx) + begin);
    });
    return {dx, {}};
  }
};

}  // namespace

torch::Tensor gelu(const torch::Tensor& x, GeluForm form) {
  const bool is_exact = form == GeluForm::exact;
  if (x.is_cpu() && x.scalar_type() == torch::kBFloat16) return GeluByKernel::apply(x, is_exact);
  return torch::gelu(x, is_exact ? "none" : "tanh");
}

}  // namespace aero::ops
