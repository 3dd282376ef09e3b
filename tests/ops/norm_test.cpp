#include "aero/ops/norm.h"

#include "src/ops/cuda_kernels.h"
#include "src/ops/norm_paths.h"
#include "src/ops/norm_rows.h"
#include "tests/support/autocast.h"
#include "tests/support/device.h"
#include "tests/support/tensors.h"

#include <torch/autograd.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

using testing_support::Autocast;
using testing_support::back;
using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;
using testing_support::test_device;
using testing_support::tests_the_cpu;
using testing_support::there;

constexpr double eps = 1e-5;
const std::vector<torch::ScalarType> halves{torch::kBFloat16, torch::kFloat16};

enum class Form { layer_norm, layer_norm_without_bias, rms_norm };
const std::vector<Form> forms{Form::layer_norm, Form::layer_norm_without_bias, Form::rms_norm};

struct Inputs {
  torch::Tensor x, weight, bias;
};

struct Outcome {
  torch::Tensor y, x, weight, bias;  // the last three are gradients
};

/// Makes inputs in float64. The bias is undefined where the form has none.
Inputs make(Form form, at::IntArrayRef sizes) {
  const auto width = sizes.back();
  return {1 + 2 * normal(sizes, 1), 1 + 0.3 * normal({width}, 2),
          form == Form::layer_norm ? normal({width}, 3) : torch::Tensor()};
}

Inputs to(const Inputs& in, torch::ScalarType dtype) {
  const auto cast = [&](const torch::Tensor& x) { return x.defined() ? x.to(dtype) : x; };
  return {cast(in.x), cast(in.weight), cast(in.bias)};
}

torch::Tensor ours(Form form, const Inputs& in, NormDtype dtype) {
  if (form == Form::rms_norm) return rms_norm(in.x, in.weight, eps, dtype);
  return layer_norm(in.x, in.weight, in.bias, eps, dtype);
}

torch::Tensor pytorchs(Form form, const Inputs& in) {
  if (form == Form::rms_norm) return torch::rms_norm(in.x, in.weight.sizes(), in.weight, eps);
  return torch::layer_norm(in.x, in.weight.sizes(), in.weight, in.bias, eps);
}

torch::Tensor written_out(Form form, const Inputs& in) {
  const auto centred = form == Form::rms_norm ? in.x : in.x - in.x.mean(-1, true);
  const auto y = centred / (centred.square().mean(-1, true) + eps).sqrt() * in.weight;
  return in.bias.defined() ? y + in.bias : y;
}

/// Gives y of leaves with these values on the tests' device, and the gradients of sum(y w). w is
/// rounded to bfloat16, so that all dtypes here hold the same numbers.
template <class Norm>
Outcome differentiate(const Inputs& in, Norm norm) {
  const auto leaf = [](const torch::Tensor& x) {
    return x.defined() ? there(x).detach().requires_grad_() : x;
  };
  const Inputs leaves{leaf(in.x), leaf(in.weight), leaf(in.bias)};
  const auto y = norm(leaves);
  const auto w = normal(y.sizes(), 4).to(torch::kBFloat16).to(y.scalar_type());
  y.backward(there(w));
  return {back(y.detach()), back(leaves.x.grad()), back(leaves.weight.grad()),
          leaves.bias.defined() ? back(leaves.bias.grad()) : torch::Tensor()};
}

Outcome differentiate_formula(Form form, const Inputs& in) {
  return differentiate(to(in, torch::kFloat64),
                       [&](const Inputs& leaves) { return written_out(form, leaves); });
}

Outcome differentiate_ours(Form form, const Inputs& in, NormDtype dtype) {
  return differentiate(in, [&](const Inputs& leaves) { return ours(form, leaves, dtype); });
}

double rounding(torch::ScalarType dtype) {
  if (dtype == torch::kBFloat16) return 1.0 / 256;
  return dtype == torch::kFloat16 ? 1.0 / 2048 : 0;
}

void expect_near(const Outcome& actual, const Outcome& expected) {
  const auto error = (actual.y.to(torch::kFloat64) - expected.y).abs();
  const auto allowed = rounding(actual.y.scalar_type()) * expected.y.abs() + 1e-5;
  EXPECT_TRUE((error <= allowed).all().item<bool>()) << largest(error);
  const auto expect_close = [](const torch::Tensor& gradient, const torch::Tensor& formula) {
    ASSERT_EQ(gradient.defined(), formula.defined());
    if (!formula.defined()) return;
    EXPECT_EQ(gradient.scalar_type(), torch::kFloat32);
    EXPECT_LE(largest_difference(gradient, formula), 1e-5 * (1 + largest(formula)));
  };
  expect_close(actual.x, expected.x);
  expect_close(actual.weight, expected.weight);
  expect_close(actual.bias, expected.bias);
}

void expect_equal(const Outcome& actual, const Outcome& expected) {
  EXPECT_TRUE(torch::equal(actual.y, expected.y));
  EXPECT_TRUE(torch::equal(actual.x, expected.x));
  EXPECT_TRUE(torch::equal(actual.weight, expected.weight));
  ASSERT_EQ(actual.bias.defined(), expected.bias.defined());
  EXPECT_TRUE(!actual.bias.defined() || torch::equal(actual.bias, expected.bias));
}

/// These shapes end with the width: one for each layout of the kernel, and one too wide for it.
const std::vector<std::vector<std::int64_t>> shapes{{2, 300, 768},
                                                    {7, 768},
                                                    {5, 128},
                                                    {33, 1000},
                                                    {3, 3},
                                                    {9, 1001},
                                                    {768},
                                                    {6, 1500},
                                                    {17, widest_norm_row},
                                                    {3, widest_norm_row + 4}};

TEST(NormOp, IsTheFormulaWithItsGradientsUnderAutocastInEitherDtype) {
  for (const auto half : halves) {
    const Autocast autocast(half);
    for (const auto& shape : shapes) {
      for (const auto form : forms) {
        SCOPED_TRACE(::testing::Message() << half << " " << at::IntArrayRef(shape) << " form "
                                          << static_cast<int>(form));
        const auto in = to(make(form, shape), torch::kFloat32);
        const auto expected = differentiate_formula(form, in);
        for (const auto dtype : {NormDtype::norms, NormDtype::products}) {
          const auto actual = differentiate_ours(form, in, dtype);
          EXPECT_EQ(actual.y.scalar_type(), dtype == NormDtype::products ? half : torch::kFloat32);
          EXPECT_EQ(actual.y.sizes(), in.x.sizes());
          expect_near(actual, expected);
        }
      }
    }
  }
}

Summed ours_of_sum(Form form, const Inputs& in, const torch::Tensor& branch, NormDtype dtype) {
  if (form == Form::rms_norm) return rms_norm_of_sum(in.x, branch, in.weight, eps, dtype);
  return layer_norm_of_sum(in.x, branch, in.weight, in.bias, eps, dtype);
}

/// Which results of a norm of a sum others read.
enum class Read { sum, y, both };

/// Gives y and the gradients, and last the sum and the branch's gradient.
template <class Norm>
std::vector<torch::Tensor> differentiate_sum(const Inputs& in, const torch::Tensor& branch,
                                             Read read, Norm norm) {
  const auto leaf = [](const torch::Tensor& x) {
    return x.defined() ? there(x).detach().requires_grad_() : x;
  };
  const Inputs leaves{leaf(in.x), leaf(in.weight), leaf(in.bias)};
  const auto leaf_branch = leaf(branch);
  const Summed out = norm(leaves, leaf_branch);
  auto total = torch::zeros({}, test_device());
  if (read != Read::y) total = total + (out.sum * there(normal(in.x.sizes(), 5))).sum();
  if (read != Read::sum) total = total + (out.y * there(normal(in.x.sizes(), 6))).sum();
  total.backward();
  const auto gradient = [](const torch::Tensor& x) {
    return x.defined() ? x.grad() : torch::Tensor();
  };
  return {out.y.detach(),        gradient(leaves.x), gradient(leaves.weight),
          gradient(leaves.bias), out.sum.detach(),   gradient(leaf_branch)};
}

TEST(NormOp, OfASumIsToTheBitThatOfTheOperations) {
  const Autocast autocast(torch::kBFloat16);
  const std::vector<std::int64_t> shape{2, 300, 768};
  const std::vector<torch::Tensor> branches{normal(shape, 7).to(torch::kBFloat16),
                                            normal(shape, 7).to(torch::kFloat32), torch::Tensor()};
  for (const auto form : forms) {
    const auto in = to(make(form, shape), torch::kFloat32);
    for (const auto& branch : branches) {
      for (const auto read : {Read::sum, Read::y, Read::both}) {
        for (const auto dtype : {NormDtype::norms, NormDtype::products}) {
          const auto expected = differentiate_sum(
              in, branch, read, [&](const Inputs& leaves, const torch::Tensor& added) {
                const auto sum = added.defined() ? leaves.x + added : leaves.x;
                return Summed{sum, ours(form, {sum, leaves.weight, leaves.bias}, dtype)};
              });
          const auto actual = differentiate_sum(
              in, branch, read, [&](const Inputs& leaves, const torch::Tensor& added) {
                return ours_of_sum(form, leaves, added, dtype);
              });
          ASSERT_EQ(actual.size(), expected.size());
          for (std::size_t i = 0; i < actual.size(); ++i) {
            SCOPED_TRACE(i);
            ASSERT_EQ(actual[i].defined(), expected[i].defined());
            if (!expected[i].defined()) continue;
            EXPECT_EQ(actual[i].scalar_type(), expected[i].scalar_type());
            EXPECT_TRUE(torch::equal(actual[i], expected[i]));
          }
        }
      }
    }
  }
}

// This holds on CUDA, too: without autocast the kernel is not used.
TEST(NormOp, IsPyTorchsToTheBitWhereThereIsNoKernel) {
  for (const auto form : forms) {
    for (const auto dtype : {torch::kFloat32, torch::kFloat64, torch::kBFloat16}) {
      const auto in = to(make(form, {33, 100}), dtype);
      const auto expected =
          differentiate(in, [&](const Inputs& leaves) { return pytorchs(form, leaves); });
      expect_equal(differentiate_ours(form, in, NormDtype::norms), expected);
      expect_equal(differentiate_ours(form, in, NormDtype::products), expected);
    }
  }
}

TEST(NormOp, IsPyTorchsAndItsCastToTheBitUnderAutocastOnTheCpu) {
  if (!tests_the_cpu()) GTEST_SKIP() << "elsewhere kernels add in another order";
  for (const auto half : halves) {
    const Autocast autocast(half);
    for (const auto form : forms) {
      const auto in = to(make(form, {33, 100}), torch::kFloat32);
      expect_equal(differentiate_ours(form, in, NormDtype::norms),
                   differentiate(in, [&](const Inputs& leaves) { return pytorchs(form, leaves); }));
      expect_equal(
          differentiate_ours(form, in, NormDtype::products),
          differentiate(in, [&](const Inputs& leaves) { return pytorchs(form, leaves).to(half); }));
    }
  }
}

TEST(NormOp, LeavesFloat64InFloat64UnderAutocastOnTheCpu) {
  if (!tests_the_cpu()) GTEST_SKIP() << "autocast on CUDA gives norms of float64 in float32";
  const Autocast autocast(torch::kBFloat16);
  const auto in = make(Form::layer_norm, {5, 8});
  EXPECT_EQ(ours(Form::layer_norm, in, NormDtype::products).scalar_type(), torch::kFloat64);
}

TEST(NormOp, TakesAnyStridesAndAddresses) {
  const Autocast autocast(torch::kBFloat16);
  const auto x = there(normal({128, 7}, 1).to(torch::kFloat32)).t();
  const auto all = there(normal({7 * 128 + 1}, 2).to(torch::kFloat32));
  const auto shifted = all.narrow(0, 1, 7 * 128).view({7, 128});
  const auto weight = there(torch::ones({128}));
  for (const auto& odd : {x, shifted}) {
    const auto even = odd.contiguous().clone();
    EXPECT_TRUE(torch::equal(layer_norm(odd, weight, {}, eps, NormDtype::products),
                             layer_norm(even, weight, {}, eps, NormDtype::products)));
  }
}

TEST(NormOp, TakesNoRows) {
  const Autocast autocast(torch::kBFloat16);
  const auto x = torch::ones({0, 8}, test_device());
  const auto y = layer_norm(x, torch::ones({8}, test_device()), {}, eps, NormDtype::products);
  EXPECT_EQ(y.sizes(), x.sizes());
  EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
}

TEST(NormOp, RefusesAWeightOfAnotherWidth) {
  const Autocast autocast(torch::kBFloat16);
  const auto x = torch::ones({2, 8}, test_device());
  EXPECT_THROW(layer_norm(x, torch::ones({4}, test_device()), {}, eps), c10::Error);
}

TEST(NormOp, GivesTheSameBitsEachTime) {
  const Autocast autocast(torch::kBFloat16);
  const auto in = to(make(Form::layer_norm, {3000, 768}), torch::kFloat32);
  expect_equal(differentiate_ours(Form::layer_norm, in, NormDtype::products),
               differentiate_ours(Form::layer_norm, in, NormDtype::products));
}

TEST(NormOp, HasAKernelOnCudaAloneForFloat32InRowsThatFit) {
  const auto has = [](torch::ScalarType dtype, std::int64_t width) {
    const auto x = torch::ones({2, width}, torch::device(test_device()).dtype(dtype));
    return has_norm_kernel({x, {}, x[0], {}, eps, true});
  };
  EXPECT_EQ(has(torch::kFloat32, 768), has_cuda_kernels && !tests_the_cpu());
  EXPECT_FALSE(has(torch::kFloat64, 768));
  EXPECT_FALSE(has(torch::kBFloat16, 768));
  EXPECT_FALSE(has(torch::kFloat32, widest_norm_row + 1));
}

}  // namespace
}  // namespace aero::ops
