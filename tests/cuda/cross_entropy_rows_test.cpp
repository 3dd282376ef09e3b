// The CUDA kernel's own code, on the CPU (cuda_runtime.h beside this file), against PyTorch's
// cross-entropy in float64.

#include "src/ops/cross_entropy_rows.cu"

#include "tests/support/tensors.h"

#include <torch/types.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace aero::ops {
namespace {

using testing_support::largest_difference;
using testing_support::normal;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Case {
  const char* name;
  torch::ScalarType dtype;
  NumberType type;
  double rounding;
  std::int64_t vocabulary;
  std::int64_t columns;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name << " " << c.vocabulary << " of " << c.columns;
}

struct Rows {
  torch::Tensor logits;   // [n, vocabulary]
  torch::Tensor targets;  // [n]
};

struct Outcome {
  torch::Tensor losses;
  torch::Tensor logits;  // [n, columns], what has become of them
};

class CrossEntropyKernel : public testing::TestWithParam<Case> {
 protected:
  /// Rows with the first and the last token as target, one without, one that is half -inf.
  Rows make_rows() const {
    const auto [name, dtype, type, rounding, vocabulary, columns] = GetParam();
    auto logits = (3 * normal({5, vocabulary}, 1)).to(dtype);
    logits[3].narrow(0, 0, vocabulary / 2).fill_(-infinity);
    const auto targets = torch::tensor(
        {std::int64_t{0}, vocabulary - 1, std::int64_t{-100}, vocabulary - 1, vocabulary / 2});
    return {logits, targets};
  }

  /// Columns out of use hold what must not be seen.
  torch::Tensor spread(const torch::Tensor& logits) const {
    auto all = torch::full({logits.size(0), GetParam().columns}, 1e4, logits.options());
    all.narrow(1, 0, logits.size(1)).copy_(logits);
    return all;
  }

  Outcome work(const Rows& rows, double room, bool with_gradient) const {
    const auto all = spread(rows.logits);
    auto losses = torch::full({all.size(0)}, 99, torch::kFloat32);
    const CudaLogits logits{all.data_ptr(), GetParam().type, all.size(0), GetParam().vocabulary,
                            all.size(1)};
    EXPECT_EQ(
        cross_entropy_rows(logits, rows.targets.data_ptr<std::int64_t>(), static_cast<float>(room),
                           with_gradient, losses.data_ptr<float>(), nullptr),
        nullptr);
    return {losses, all};
  }
};

INSTANTIATE_TEST_SUITE_P(
    Cases, CrossEntropyKernel,
    testing::Values(Case{"float", torch::kFloat32, NumberType::float32, 1e-6, 11, 16},
                    Case{"float", torch::kFloat32, NumberType::float32, 1e-6, 9000, 9024},
                    Case{"bfloat16", torch::kBFloat16, NumberType::bfloat16, 1.0 / 256, 11, 64},
                    Case{"bfloat16", torch::kBFloat16, NumberType::bfloat16, 1.0 / 256, 64, 64},
                    Case{"bfloat16", torch::kBFloat16, NumberType::bfloat16, 1.0 / 256, 50'257,
                         50'304},
                    Case{"half", torch::kFloat16, NumberType::float16, 1.0 / 2048, 9001, 9024}));

TEST_P(CrossEntropyKernel, IsPyTorchsCrossEntropyWithItsGradient) {
  const auto rows = make_rows();
  const auto z = rows.logits.to(torch::kFloat64).requires_grad_();
  const auto losses = at::cross_entropy_loss(z, rows.targets, {}, at::Reduction::None);
  losses.sum().backward();
  for (const double room : {1.0, 0.3}) {
    const auto [actual, gradient] = work(rows, room, true);
    EXPECT_LE(largest_difference(actual, losses.detach()), 1e-5);
    const auto expected =
        torch::constant_pad_nd(room * z.grad(), {0, gradient.size(1) - z.size(1)});
    const auto error = (gradient.to(torch::kFloat64) - expected).abs();
    const auto allowed = (GetParam().rounding + 1e-5) * expected.abs() + 0x1p-24;  // float16's step
    EXPECT_TRUE((error <= allowed).all().item<bool>());
    EXPECT_TRUE(gradient.masked_select(expected == 0).eq(0).all().item<bool>());
  }
}

TEST_P(CrossEntropyKernel, LeavesTheLogitsWithoutAGradient) {
  const auto rows = make_rows();
  const auto [losses, logits] = work(rows, 1, false);
  EXPECT_LE(largest_difference(losses, work(rows, 1, true).losses), 0);
  EXPECT_TRUE(torch::equal(logits, spread(rows.logits)));
}

TEST_P(CrossEntropyKernel, IsNanInTheRowOfANanAlone) {
  for (const double bad : {std::nan(""), infinity}) {
    auto rows = make_rows();
    rows.logits[4][GetParam().vocabulary - 2] = bad;
    rows.logits[2].fill_(bad);  // without a target
    const auto [losses, gradient] = work(rows, 1, true);
    EXPECT_TRUE(std::isnan(losses[4].item<double>()));
    EXPECT_TRUE(gradient[4].narrow(0, 0, GetParam().vocabulary).isnan().any().item<bool>());
    EXPECT_FALSE(losses.narrow(0, 0, 4).isnan().any().item<bool>());
    EXPECT_FALSE(gradient.narrow(0, 0, 4).isnan().any().item<bool>());
    EXPECT_EQ(losses[2].item<double>(), 0);
  }
}

}  // namespace
}  // namespace aero::ops
