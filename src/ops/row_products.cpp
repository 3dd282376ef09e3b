#include "row_products.h"

#include "row_tiles.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace aero::ops {
namespace {

constexpr std::int64_t most_rows = 31;            // with more, matrix_product() is faster
constexpr std::int64_t numbers_a_thread = 65536;  // with fewer, starting a thread takes longer

Arithmetic arithmetic_of(const torch::Tensor& x) {
  return x.scalar_type() == torch::kBFloat16 ? Arithmetic::bfloat16 : Arithmetic::float32;
}

bool is_row_major(const torch::Tensor& x) {
  return x.dim() == 2 && x.is_cpu() && x.numel() > 0 && x.stride(1) == 1 &&
         x.stride(0) >= x.size(1);
}

}  // namespace

bool may_have_row_product(const torch::Tensor& x) {
  const auto dtype = x.scalar_type();
  return is_row_major(x) && x.size(0) <= most_rows &&
         (dtype == torch::kFloat32 || dtype == torch::kBFloat16) && has_row_tiles(arithmetic_of(x));
}

bool has_row_product(const torch::Tensor& x, const torch::Tensor& weight) {
  return may_have_row_product(x) && is_row_major(weight) && weight.scalar_type() == x.scalar_type();
}

torch::Tensor row_product(const torch::Tensor& x, const torch::Tensor& weight,
                          const torch::Tensor& bias) {
  const auto outputs = weight.size(0);
  const auto factors = weight.size(1);
  auto out = torch::empty({x.size(0), outputs}, x.options().requires_grad(false));
  RowTile whole{};
  whole.left = {x.const_data_ptr(), x.stride(0)};
  whole.rows = x.size(0);
  whole.right = {weight.const_data_ptr(), weight.stride(0)};
  whole.factors = factors;
  whole.bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
  whole.out = out.data_ptr();
  whole.out_stride = outputs;
  const auto tiles = (outputs + tile_outputs - 1) / tile_outputs;
  const auto grain = std::max<std::int64_t>(1, numbers_a_thread / (factors * tile_outputs));
  at::parallel_for(0, tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    auto part = whole;
    part.first = begin * tile_outputs;
    part.last = std::min(end * tile_outputs, outputs);
    multiply_row_tile(arithmetic_of(x), part);
  });
  return out;
}

}  // namespace aero::ops
