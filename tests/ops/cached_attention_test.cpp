#include "aero/ops/cached_attention.h"

#include "tests/support/tensors.h"

#include <ATen/Parallel.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace aero::ops {
namespace {

using testing_support::largest_difference;
using testing_support::normal;

constexpr double scale = 0.3;

/// Each row's attention to its first keys, in float64.
torch::Tensor by_pytorch(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                         const std::vector<std::int64_t>& lengths) {
  std::vector<torch::Tensor> rows;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto of_row = [&](const torch::Tensor& x, std::int64_t length) {
      return x.narrow(0, static_cast<std::int64_t>(i), 1).narrow(2, 0, length).to(torch::kFloat64);
    };
    rows.push_back(at::scaled_dot_product_attention(of_row(q, 1), of_row(k, lengths[i]),
                                                    of_row(v, lengths[i]), {}, 0, false, scale));
  }
  return torch::cat(rows);
}

TEST(CachedAttention, IsPyTorchsInFloat64) {
  for (const auto dtype : {torch::kFloat32, torch::kBFloat16}) {
    for (const std::int64_t width : {1, 5, 16, 64, 67}) {
      const auto q = normal({3, 2, 1, width}, 1).to(dtype);
      // Rows and heads of a wider cache, as generation has them.
      auto cache = torch::full({3, 2, 300, width}, std::numeric_limits<double>::quiet_NaN(), dtype);
      auto other = cache.clone();
      const std::vector<std::int64_t> lengths{200, 1, 37};
      for (std::int64_t i = 0; i < 3; ++i) {
        const auto sizes = std::vector<std::int64_t>{2, lengths[i], width};
        cache[i].narrow(1, 0, lengths[i]).copy_(normal(sizes, 2 + i));
        other[i].narrow(1, 0, lengths[i]).copy_(normal(sizes, 7 + i));
      }
      const auto keys = cache.narrow(2, 0, 200), values = other.narrow(2, 0, 200);
      ASSERT_TRUE(has_cached_attention(q, keys, values));
      const auto expected = by_pytorch(q, keys, values, lengths);
      const auto threads = at::get_num_threads();
      for (const int number : {1, 3}) {
        at::set_num_threads(number);
        const auto out = cached_attention(q, keys, values, torch::tensor(lengths), scale);
        EXPECT_EQ(out.scalar_type(), dtype);
        EXPECT_LE(largest_difference(out, expected), dtype == torch::kFloat32 ? 2e-6 : 0.01)
            << width;
      }
      at::set_num_threads(threads);
      const auto first = [](const torch::Tensor& x) { return x.narrow(0, 0, 1); };
      EXPECT_LE(
          largest_difference(cached_attention(first(q), first(keys), first(values), {}, scale),
                             first(expected)),
          dtype == torch::kFloat32 ? 2e-6 : 0.01);
    }
  }
}

TEST(CachedAttention, KeepsLargeScoresFinite) {
  const auto q = 100 * torch::ones({1, 1, 1, 4});
  const auto k = torch::tensor({1.F, 2.F, -3.F}).view({1, 1, 3, 1}).expand({1, 1, 3, 4}).clone();
  const auto v = normal({1, 1, 3, 4}, 1).to(torch::kFloat32);
  EXPECT_LE(largest_difference(cached_attention(q, k, v, {}, 1), v.narrow(2, 1, 1)), 1e-6);
}

TEST(CachedAttention, IsOfOneQueryInFloat32OrBfloat16) {
  const auto x = normal({1, 2, 1, 8}, 1);
  const auto single = x.to(torch::kFloat32);
  EXPECT_TRUE(has_cached_attention(single, single, single));
  EXPECT_FALSE(has_cached_attention(x, x, x));
  EXPECT_FALSE(has_cached_attention(single, single, x));
  EXPECT_FALSE(has_cached_attention(single.expand({1, 2, 3, 8}), single, single));
  EXPECT_FALSE(has_cached_attention(single.transpose(2, 3).contiguous().transpose(2, 3), single,
                                    single.expand({1, 2, 1, 8}).transpose(1, 3)));
}

}  // namespace
}  // namespace aero::ops
