#include "src/ops/cross_entropy_paths.h"

#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace aero::ops {
namespace {

using testing_support::back;
using testing_support::largest_difference;
using testing_support::normal;
using testing_support::test_device;
using testing_support::there;
using testing_support::tokens;

constexpr double infinity = std::numeric_limits<double>::infinity();

enum class Path { operations, kernel };

/// `columns` of which `vocabulary` are in use.
struct Shape {
  std::int64_t vocabulary;
  std::int64_t columns;
};

using Case = std::tuple<Path, torch::ScalarType, Shape>;

/// All that the tests' device and this build have.
std::vector<Case> cases() {
  std::vector<Case> result;
  for (const auto dtype : {torch::kFloat64, torch::kFloat32, torch::kBFloat16, torch::kFloat16}) {
    for (const auto& shape : {Shape{11, 16}, Shape{64, 64}, Shape{50'000, 50'048},
                              Shape{50'257, 50'304}, Shape{50'304, 50'304}}) {
      result.emplace_back(Path::operations, dtype, shape);
      const auto like = torch::empty({1, shape.columns}, torch::device(test_device()).dtype(dtype));
      if (has_cross_entropy_kernel(like)) result.emplace_back(Path::kernel, dtype, shape);
    }
  }
  return result;
}

class CrossEntropyRowsBy : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { std::tie(path_, dtype_, shape_) = GetParam(); }

  torch::Tensor make_logits(std::int64_t rows = 7) const {
    return (3 * normal({rows, shape_.vocabulary}, 1)).to(dtype_);
  }

  torch::Tensor make_targets(std::int64_t rows = 7) const {
    return tokens({rows}, shape_.vocabulary, 2);
  }

  /// Columns out of use hold what must not be seen.
  CrossEntropyRows ours(const torch::Tensor& logits, const torch::Tensor& targets, double room,
                        bool with_gradient = true) const {
    const auto all = torch::full({logits.size(0), shape_.columns}, 1e4, logits.options());
    all.narrow(1, 0, shape_.vocabulary).copy_(logits);
    const auto function =
        path_ == Path::kernel ? cross_entropy_by_kernel : cross_entropy_by_operations;
    // A copy, for on the CPU `all` would become the gradient.
    const auto [losses, gradient] =
        function(there(all), shape_.vocabulary, there(targets), room, with_gradient);
    return {back(losses), back(gradient)};
  }

  /// PyTorch's, in float64.
  CrossEntropyRows expected(const torch::Tensor& logits, const torch::Tensor& targets,
                            double room) const {
    const auto z = logits.to(torch::kFloat64).clone().requires_grad_();
    const auto losses = at::cross_entropy_loss(z, targets, {}, at::Reduction::None);
    losses.sum().backward();
    return {losses.detach(), room * z.grad()};
  }

  void expect_near(const CrossEntropyRows& actual, const CrossEntropyRows& expected,
                   double room) const {
    const double rounding = dtype_ == torch::kBFloat16  ? 1.0 / 256
                            : dtype_ == torch::kFloat16 ? 1.0 / 2048
                            : dtype_ == torch::kFloat32 ? 1e-6
                                                        : 1e-15;
    const double sums = dtype_ == torch::kFloat64 ? 1e-13 : 1e-5;  // are float32 under half
    EXPECT_LE(largest_difference(actual.losses, expected.losses), sums);
    const auto used = actual.gradient.narrow(1, 0, shape_.vocabulary).to(torch::kFloat64);
    const auto error = (used - expected.gradient).abs();
    // float16 has no smaller steps than 2^-24.
    const auto allowed =
        (rounding + sums) * expected.gradient.abs() + (dtype_ == torch::kFloat16 ? 0x1p-24 : 1e-12);
    EXPECT_TRUE((error <= allowed).all().item<bool>()) << "room " << room;
    EXPECT_TRUE(actual.gradient.narrow(1, shape_.vocabulary, shape_.columns - shape_.vocabulary)
                    .eq(0)
                    .all()
                    .item<bool>());
  }

  Path path_{};
  torch::ScalarType dtype_{};
  Shape shape_{};
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const auto& [path, dtype, shape] = info.param;
  return std::string(path == Path::kernel ? "Kernel" : "Operations") + toString(dtype) +
         std::to_string(shape.vocabulary);
}

INSTANTIATE_TEST_SUITE_P(All, CrossEntropyRowsBy, testing::ValuesIn(cases()), name_of);

TEST_P(CrossEntropyRowsBy, IsPyTorchsWithItsGradient) {
  const auto logits = make_logits();
  const auto targets = make_targets();
  for (const double room : {1.0, 0.3}) {
    expect_near(ours(logits, targets, room), expected(logits, targets, room), room);
  }
}

TEST_P(CrossEntropyRowsBy, FindsTheFirstAndTheLastToken) {
  const auto logits = make_logits(2);
  const auto targets = torch::tensor({std::int64_t{0}, shape_.vocabulary - 1});
  expect_near(ours(logits, targets, 1), expected(logits, targets, 1), 1);
}

TEST_P(CrossEntropyRowsBy, HasTheSameLossWithoutAGradient) {
  const auto logits = make_logits();
  const auto targets = make_targets();
  const auto actual = ours(logits, targets, 1, false);
  EXPECT_FALSE(actual.gradient.defined());
  EXPECT_LE(largest_difference(actual.losses, expected(logits, targets, 1).losses), 1e-5);
}

TEST_P(CrossEntropyRowsBy, LeavesOutRowsWithoutATarget) {
  auto logits = make_logits();
  auto targets = make_targets();
  targets[0] = ignored_target;
  targets[3] = ignored_target;
  auto actual = ours(logits, targets, 1);
  if (path_ == Path::operations) {  // the caller's to leave out
    actual.gradient.masked_fill_(targets.eq(ignored_target).unsqueeze(1), 0);
  }
  expect_near(actual, expected(logits, targets, 1), 1);
  logits[3].fill_(std::nan(""));
  EXPECT_EQ(ours(logits, targets, 1).losses[3].item<double>(), 0);
}

TEST_P(CrossEntropyRowsBy, IsNanInTheRowOfANanAlone) {
  for (const double bad : {std::nan(""), infinity}) {
    auto logits = make_logits();
    const auto targets = make_targets();
    logits[2][shape_.vocabulary - 2] = bad;
    const auto actual = ours(logits, targets, 1);
    EXPECT_TRUE(std::isnan(actual.losses[2].item<double>()));
    EXPECT_EQ(actual.losses.isnan().sum().item<int>(), 1);
    EXPECT_TRUE(actual.gradient[2].narrow(0, 0, shape_.vocabulary).isnan().any().item<bool>());
    EXPECT_FALSE(actual.gradient.narrow(0, 3, 4).isnan().any().item<bool>());
  }
}

TEST_P(CrossEntropyRowsBy, GivesTokensOfMinusInfinityNoProbability) {
  auto logits = make_logits();
  const auto targets = torch::full({7}, shape_.vocabulary - 1, torch::kInt64);
  logits.narrow(1, 0, shape_.vocabulary / 2).fill_(-infinity);
  const auto actual = ours(logits, targets, 1);
  expect_near(actual, expected(logits, targets, 1), 1);
  EXPECT_TRUE(actual.gradient.narrow(1, 0, shape_.vocabulary / 2).eq(0).all().item<bool>());
}

TEST_P(CrossEntropyRowsBy, IsExactWhereLogitsAreLarge) {
  auto logits = torch::full({1, shape_.vocabulary}, -20'000.0).to(dtype_);
  logits[0][3] = 20'000;
  logits[0][8] = 20'000;
  const auto targets = torch::tensor({std::int64_t{8}});
  const auto actual = ours(logits, targets, 1);
  EXPECT_NEAR(actual.losses.item<double>(), std::log(2.0), 1e-6);
  EXPECT_NEAR(actual.gradient[0][3].item<double>(), 0.5, 1e-6);
  EXPECT_NEAR(actual.gradient[0][8].item<double>(), -0.5, 1e-6);
}

TEST_P(CrossEntropyRowsBy, TakesNoRows) {
  const auto actual = ours(make_logits(0), make_targets(0), 1);
  EXPECT_EQ(actual.losses.size(0), 0);
}

}  // namespace
}  // namespace aero::ops
