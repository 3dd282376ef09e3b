#include "aero/train/optimizer.h"

#include "bench.h"

namespace aero::bench {
namespace {

using model::ParameterKind;

/// Lists parameters of GPT-2's shapes with constant gradients.
train::NamedParameters gpt2_parameters(const Sizes& sizes) {
  train::NamedParameters result;
  const auto parameter = [&](ParameterKind kind, at::IntArrayRef shape) {
    auto value = torch::full(shape, 0.5F).requires_grad_();
    value.mutable_grad() = torch::full(shape, 1e-3F);
    result.push_back({std::to_string(result.size()), value, kind});
  };
  const auto d = sizes.width;
  parameter(ParameterKind::embedding, {sizes.vocabulary, d});
  parameter(ParameterKind::embedding, {sizes.contexts.front(), d});
  for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
    for (int i = 0; i < 4; ++i) {  // of attention
      parameter(ParameterKind::matrix, {d, d});
      parameter(ParameterKind::bias, {d});
    }
    parameter(ParameterKind::matrix, {4 * d, d});
    parameter(ParameterKind::bias, {4 * d});
    parameter(ParameterKind::branch_output, {d, 4 * d});
    parameter(ParameterKind::bias, {d});
    for (int i = 0; i < 4; ++i) parameter(ParameterKind::norm, {d});
  }
  for (int i = 0; i < 2; ++i) parameter(ParameterKind::norm, {d});
  return result;
}

std::int64_t numbers(const train::NamedParameters& parameters) {
  std::int64_t count = 0;
  for (const auto& parameter : parameters) count += parameter.value.numel();
  return count;
}

// The norm reads the gradients, clipping reads and writes them; AdamW reads them, the parameters
// and two moments, and writes the latter three.
constexpr std::int64_t passes = 1 + 2 + 7;
constexpr std::int64_t bytes_a_number = 4;

/// Times the norm of the gradients, clipping and AdamW.
void step(benchmark::State& state, const Sizes& sizes) {
  const auto parameters = gpt2_parameters(sizes);
  train::Optimizer optimizer({}, parameters);
  constexpr double lr = 1e-5;
  constexpr double share =
      0.999;  // of the norm that clipping leaves: gradients stay normal numbers
  for ([[maybe_unused]] const auto step : state) {
    const double norm = train::gradient_norm(parameters);
    train::clip_gradients(parameters, norm, share * norm);
    optimizer.step(lr);
  }
  state.SetBytesProcessed(state.iterations() * numbers(parameters) * passes * bytes_a_number);
}

/// Times plain copies that read and write as many bytes as step().
void copy(benchmark::State& state, const Sizes& sizes) {
  const auto count = numbers(gpt2_parameters(sizes));
  const auto from = torch::full({count}, 0.5F);
  auto to = torch::full({count}, 0.0F);
  for ([[maybe_unused]] const auto step : state) {
    for (std::int64_t pass = 0; pass < passes / 2; ++pass) to.copy_(from);
  }
  state.SetBytesProcessed(state.iterations() * count * passes * bytes_a_number);
}

}  // namespace

void add_optimizer(const Sizes& sizes) {
  add("optimizer/norm+clip+adamw", [=](auto& state) { step(state, sizes); });
  add("optimizer/copy_of_as_many_bytes", [=](auto& state) { copy(state, sizes); });
}

}  // namespace aero::bench
