#include "cuda_kernels.h"
#include "cuda_tensors.h"
#include "norm_paths.h"
#include "norm_rows.h"

namespace aero::ops {
namespace {

NormInputs aligned(const NormInputs& in) {
  return {aligned_rows(in.x),
          aligned_rows(in.branch),
          aligned_rows(in.weight),
          aligned_rows(in.bias),
          in.eps,
          in.is_centred};
}

CudaNorm get(const NormInputs& in, torch::ScalarType output) {
  const auto width = in.weight.numel();
  return {in.is_centred,        number_type(output),    numbers(in.x),
          numbers(in.weight),   numbers(in.bias),       static_cast<float>(in.eps),
          in.x.numel() / width, static_cast<int>(width)};
}

void check(const char* error, const torch::Tensor& x) {
  TORCH_CHECK(error == nullptr, "CUDA, at the norm of ", x.sizes(), " numbers: ", error);
}

}  // namespace

bool has_norm_kernel(const NormInputs& in) {
  const auto fits = [](const torch::Tensor& x) {
    return x.is_cuda() && x.scalar_type() == torch::kFloat32;
  };
  return has_cuda_kernels && fits(in.x) && fits(in.weight) &&
         (!in.branch.defined() ||
          (in.branch.device() == in.x.device() && in.branch.sizes() == in.x.sizes())) &&
         (!in.bias.defined() || fits(in.bias)) && in.weight.dim() == 1 && in.x.numel() > 0 &&
         in.x.size(-1) == in.weight.numel() && in.weight.numel() <= widest_norm_row;
}

NormRows norm_by_kernel(const NormInputs& inputs, torch::ScalarType dtype) {
  const c10::DeviceGuard guard(inputs.x.device());
  const auto in = aligned(inputs);
  const auto norm = get(in, dtype);
  const auto statistic = [&] { return torch::empty({norm.rows}, in.x.options()); };
  NormRows rows{in.branch.defined() ? torch::empty_like(in.x) : torch::Tensor(),
                torch::empty(in.x.sizes(), in.x.options().dtype(dtype)),
                in.is_centred ? statistic() : torch::Tensor(), statistic()};
  if constexpr (has_cuda_kernels) {
    check(norm_rows(norm, {address(in.branch), numbers(rows.sum)}, rows.y.data_ptr(),
                    {numbers(rows.mean), numbers(rows.scale)}, current_cuda_stream(in.x.device())),
          in.x);
  }
  return rows;
}

NormGradients differentiate_norm_by_kernel(const NormInputs& inputs, const NormRows& rows,
                                           const torch::Tensor& dy, const torch::Tensor& dsum,
                                           bool with_branch) {
  const c10::DeviceGuard guard(inputs.x.device());
  const auto in = aligned(inputs);
  const auto given = aligned_rows(dy);
  const auto given_to_sum = aligned_rows(dsum);
  NormGradients out{torch::empty_like(in.x),
                    with_branch ? torch::empty_like(given) : torch::Tensor(),
                    torch::empty_like(in.weight),
                    in.bias.defined() ? torch::empty_like(in.bias) : torch::Tensor()};
  if constexpr (has_cuda_kernels) {
    const auto norm = get(in, given.scalar_type());
    const auto partials = torch::empty({norm_partials(norm)}, in.x.options());
    const CudaNormGradients gradients{
        given.const_data_ptr(), numbers(given_to_sum), address(out.branch), numbers(out.x),
        numbers(out.weight),    numbers(out.bias),     numbers(partials)};
    check(differentiate_norm_rows(norm, {numbers(rows.mean), numbers(rows.scale)}, gradients,
                                  current_cuda_stream(in.x.device())),
          in.x);
  }
  return out;
}

}  // namespace aero::ops
