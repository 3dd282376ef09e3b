#include "attention_paths.h"
#include "cuda_attention.h"
#include "cuda_kernels.h"

#include <cstdint>

namespace aero::ops {
namespace {

CudaHeads heads(const torch::Tensor& x) {
  return {x.data_ptr(), x.stride(0), x.stride(1), x.stride(2)};
}

/// The inputs in the form of the kernel, valid as long as these tensors live.
struct Prepared {
  explicit Prepared(const AttentionInputs& inputs)
      : queries(aligned(inputs.queries)),
        keys(aligned(inputs.keys)),
        values(aligned(inputs.values)),
        row_scale(inputs.row_scale.contiguous()) {}

  CudaAttention get() const {
    const auto size = [&](std::int64_t i) { return static_cast<int>(queries.size(i)); };
    const bool bfloat16 = queries.scalar_type() == torch::kBFloat16;
    return {bfloat16 ? HalfType::bfloat16 : HalfType::float16,
            size(0),
            size(1),
            size(2),
            size(3),
            heads(queries),
            heads(keys),
            heads(values),
            row_scale.data_ptr<float>()};
  }

  torch::Tensor queries, keys, values, row_scale;
};

CudaAttentionRows get(const AttentionRows& rows) {
  return {heads(rows.output), rows.largest.data_ptr<float>(), rows.log_sum.data_ptr<float>(),
          rows.mean.data_ptr<float>()};
}

void check(const char* error, const torch::Tensor& queries) {
  TORCH_CHECK(error == nullptr, "CUDA, at the attention of queries ", queries.sizes(), ": ", error);
}

}  // namespace

bool has_cuda_attention_kernel(const torch::Tensor& queries) {
  if constexpr (has_cuda_kernels) {
    const auto dtype = queries.scalar_type();
    const auto width = queries.size(3);
    if (!queries.is_cuda() || (dtype != torch::kBFloat16 && dtype != torch::kFloat16) ||
        (width != 32 && width != 64)) {
      return false;
    }
    const c10::DeviceGuard guard(queries.device());
    return has_cuda_attention();
  }
  return false;
}

AttentionRows attention_by_cuda_kernel(const AttentionInputs& inputs) {
  const Prepared prepared(inputs);
  const auto& queries = prepared.queries;
  const auto statistic = [&] {
    return torch::empty(queries.sizes().slice(0, 3), prepared.row_scale.options());
  };
  AttentionRows rows{empty_heads(queries, queries.scalar_type()), statistic(), statistic(),
                     statistic()};
  if constexpr (has_cuda_kernels) {
    const c10::DeviceGuard guard(queries.device());
    check(cuda_attention(prepared.get(), get(rows), current_cuda_stream(queries.device())),
          queries);
  }
  return rows;
}

AttentionGradients differentiate_by_cuda_kernel(const AttentionInputs& inputs,
                                                const AttentionRows& saved,
                                                const ResultGradients& given) {
  const Prepared prepared(inputs);
  const auto& queries = prepared.queries;
  const auto of_heads = [&] { return empty_heads(queries, queries.scalar_type()); };
  auto rows = saved;
  rows.output = aligned(saved.output);
  const auto dout = given.output.defined() ? aligned(given.output) : of_heads().zero_();
  const auto dentropy =
      given.entropy.defined() ? given.entropy.contiguous() : torch::zeros_like(saved.largest);
  const auto values = of_heads();
  AttentionGradients out{of_heads(), of_heads(), given.output.defined() ? values : torch::Tensor(),
                         torch::empty_like(saved.largest)};
  const auto dots = torch::empty_like(saved.largest);
  if constexpr (has_cuda_kernels) {
    const c10::DeviceGuard guard(queries.device());
    const CudaAttentionGradients gradients{
        heads(dout),           dentropy.data_ptr<float>(),
        heads(out.queries),    heads(out.keys),
        heads(values),         out.temperature_sum.data_ptr<float>(),
        dots.data_ptr<float>()};
    check(differentiate_cuda_attention(prepared.get(), get(rows), gradients,
                                       current_cuda_stream(queries.device())),
          queries);
  }
  return out;
}

}  // namespace aero::ops
