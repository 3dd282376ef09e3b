#include "aero/ops/cached_attention.h"

#include "query_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

constexpr std::int64_t numbers_a_thread = 65536;  // with fewer, starting a thread takes longer

bool has_layout(const torch::Tensor& x, torch::ScalarType dtype) {
  return x.dim() == 4 && x.is_cpu() && x.numel() > 0 && x.scalar_type() == dtype &&
         x.stride(3) == 1;
}

/// Attends with numbers that lie in memory as T.
template <class T>
void attend_all(const torch::Tensor& queries, const torch::Tensor& keys,
                const torch::Tensor& values, const std::int64_t* lengths, double scale,
                torch::Tensor& out) {
  const auto numbers = [](const torch::Tensor& x, std::int64_t row, std::int64_t head) {
    return static_cast<const T*>(x.const_data_ptr()) + row * x.stride(0) + head * x.stride(1);
  };
  const auto heads = queries.size(1);
  const auto width = queries.size(3);
  const auto all = keys.size(2);
  const auto grain = std::max<std::int64_t>(1, numbers_a_thread / (2 * all * width));
  at::parallel_for(0, queries.size(0) * heads, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(all + 2 * width));
    for (auto i = begin; i < end; ++i) {
      const auto row = i / heads;
      const auto head = i % heads;
      const HeadRows<T> rows{numbers(queries, row, head),
                             numbers(keys, row, head),
                             keys.stride(2),
                             numbers(values, row, head),
                             values.stride(2),
                             lengths == nullptr ? all : lengths[row],
                             width};
      attend_query(rows, static_cast<float>(scale), scratch.data(),
                   static_cast<T*>(out.data_ptr()) + i * width);
    }
  });
}

}  // namespace

bool has_cached_attention(const torch::Tensor& queries, const torch::Tensor& keys,
                          const torch::Tensor& values) {
  const auto dtype = queries.scalar_type();
  return (dtype == torch::kFloat32 || dtype == torch::kBFloat16) && queries.dim() == 4 &&
         queries.size(2) == 1 && has_layout(queries, dtype) && has_layout(keys, dtype) &&
         has_layout(values, dtype);
}

torch::Tensor cached_attention(const torch::Tensor& queries, const torch::Tensor& keys,
                               const torch::Tensor& values, const torch::Tensor& lengths,
                               double scale) {
  auto out = torch::empty(queries.sizes(), queries.options().requires_grad(false));
  const auto* const of_rows = lengths.defined() ? lengths.const_data_ptr<std::int64_t>() : nullptr;
  if (queries.scalar_type() == torch::kFloat32) {
    attend_all<float>(queries, keys, values, of_rows, scale, out);
  } else {
    attend_all<std::uint16_t>(queries, keys, values, of_rows, scale, out);
  }
  return out;
}

}  // namespace aero::ops
