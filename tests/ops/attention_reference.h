#pragma once

#include "aero/ops/entropy_attention.h"

#include "tests/support/tensors.h"

#include <torch/autograd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

// Causal attention with entropy as its formula is written, in float64, and what holds other ways
// of computing it to that.

namespace aero::ops::reference {

using testing_support::largest;
using testing_support::largest_difference;
using testing_support::normal;

struct Inputs {
  torch::Tensor queries;
  torch::Tensor keys;
  torch::Tensor values;
  torch::Tensor temperature;
  double scale = 1;
};

/// In float64, laid out as a model's heads are. Temperatures of both signs.
inline Inputs make_inputs(std::int64_t batch, std::int64_t heads, std::int64_t length,
                          std::int64_t d_k, bool with_temperature = true) {
  const auto of_heads = [&](std::uint64_t seed) {
    return normal({batch, length, heads, d_k}, seed).transpose(1, 2);
  };
  Inputs inputs{of_heads(1), of_heads(2), of_heads(3), {}, 1 / std::sqrt(double(d_k))};
  if (with_temperature) {
    const auto t = normal({heads, length}, 4);
    inputs.temperature = t.sign() * (0.5 + t.abs());
  }
  return inputs;
}

inline Inputs to(const Inputs& inputs, torch::ScalarType dtype) {
  const auto wide = torch::promote_types(dtype, torch::kFloat32);
  return {inputs.queries.to(dtype), inputs.keys.to(dtype), inputs.values.to(dtype),
          inputs.temperature.defined() ? inputs.temperature.to(wide) : torch::Tensor(),
          inputs.scale};
}

inline torch::Tensor causal_scores(const Inputs& in) {
  auto scores = torch::matmul(in.queries, in.keys.transpose(-2, -1)) * in.scale;
  if (in.temperature.defined()) scores = scores / in.temperature.unsqueeze(-1);
  const auto length = in.queries.size(2);
  const auto hidden = torch::ones({length, length}, torch::kBool).triu(1);
  return scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
}

/// The formula as it is written, for autograd.
inline EntropyAttention written_out(const Inputs& in) {
  const auto scores = causal_scores(in);
  const auto log_a = scores.log_softmax(-1);
  const auto a = log_a.exp();
  const auto hidden = torch::isinf(log_a);
  return {torch::matmul(a, in.values), -(a * log_a.masked_fill(hidden, 0)).sum(-1)};
}

enum class Loss { both, output, entropy };

struct Outcome {
  torch::Tensor output;
  torch::Tensor entropy;
  torch::Tensor queries;
  torch::Tensor keys;
  torch::Tensor values;
  torch::Tensor temperature;
};

inline torch::Tensor output_weights(const torch::Tensor& like) {
  return normal({like.size(0), like.size(2), like.size(1), like.size(3)}, 5)
      .transpose(1, 2)
      .to(like.scalar_type());
}

inline torch::Tensor entropy_weights(const torch::Tensor& like) {
  return normal(like.sizes().slice(0, 3), 6);
}

inline Inputs leaves(const Inputs& in) {
  const auto leaf = [](const torch::Tensor& x) { return x.detach().requires_grad_(); };
  return {leaf(in.queries), leaf(in.keys), leaf(in.values),
          in.temperature.defined() ? leaf(in.temperature) : torch::Tensor(), in.scale};
}

/// The results, and the gradients of a loss that is a weighted sum of them.
template <class Function>
Outcome differentiate(Function function, const Inputs& inputs, Loss loss = Loss::both) {
  const auto in = leaves(inputs);
  const auto [output, entropy] = function(in);
  std::vector<torch::Tensor> results;
  std::vector<torch::Tensor> weights;
  if (loss != Loss::entropy) {
    results.push_back(output);
    weights.push_back(output_weights(output));
  }
  if (loss != Loss::output) {
    results.push_back(entropy);
    weights.push_back(entropy_weights(output).to(entropy.scalar_type()));
  }
  torch::autograd::backward(results, weights);
  return {output.detach(),   entropy.detach(),
          in.queries.grad(), in.keys.grad(),
          in.values.grad(),  in.temperature.defined() ? in.temperature.grad() : torch::Tensor()};
}

inline void expect_near(const Outcome& actual, const Outcome& expected, double tolerance) {
  const auto near = [&](const torch::Tensor& a, const torch::Tensor& e, const char* name) {
    SCOPED_TRACE(name);
    ASSERT_EQ(a.defined(), e.defined());
    if (!e.defined()) return;
    ASSERT_EQ(a.sizes(), e.sizes());
    const double size = std::max(1.0, largest(e.to(torch::kFloat64)));
    const double difference = largest_difference(a, e);
    EXPECT_LE(difference / size, tolerance);
    EXPECT_FALSE(std::isnan(difference));
  };
  near(actual.output, expected.output, "output");
  near(actual.entropy, expected.entropy, "entropy");
  near(actual.queries, expected.queries, "queries");
  near(actual.keys, expected.keys, "keys");
  near(actual.values, expected.values, "values");
  near(actual.temperature, expected.temperature, "temperature");
}

/// The gradients beside central differences of the same loss, entry by entry.
template <class Function>
void expect_central_differences(Function function, const Inputs& inputs) {
  const auto gradients = differentiate(function, inputs);
  const auto loss = [&](const Inputs& in) {
    const auto [output, entropy] = function(in);
    return ((output * output_weights(output)).sum() + (entropy * entropy_weights(output)).sum())
        .template item<double>();
  };
  constexpr double step = 1e-5;
  const auto expect_gradient = [&](torch::Tensor Inputs::*member, const torch::Tensor& gradient) {
    for (std::int64_t i = 0; i < (inputs.*member).numel(); ++i) {
      const auto moved = [&](double by) {
        auto in = inputs;
        in.*member = (inputs.*member).contiguous().clone();
        (in.*member).view(-1)[i] += by;
        return loss(in);
      };
      const double expected = (moved(step) - moved(-step)) / (2 * step);
      EXPECT_NEAR(gradient.reshape(-1)[i].item<double>(), expected, 1e-7);
    }
  };
  expect_gradient(&Inputs::queries, gradients.queries);
  expect_gradient(&Inputs::keys, gradients.keys);
  expect_gradient(&Inputs::values, gradients.values);
  expect_gradient(&Inputs::temperature, gradients.temperature);
}

/// B, H, T and d_k.
inline std::string name_of(const std::array<std::int64_t, 4>& shape) {
  return "B=" + std::to_string(shape[0]) + " H=" + std::to_string(shape[1]) +
         " T=" + std::to_string(shape[2]) + " d_k=" + std::to_string(shape[3]);
}

}  // namespace aero::ops::reference
