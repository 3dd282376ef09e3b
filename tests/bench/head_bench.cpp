#include "aero/ops/linear_cross_entropy.h"
#include "aero/train/precision.h"

#include "bench.h"

namespace aero::bench {
namespace {

/// Times the head and the loss with their gradients, under autocast.
void head_and_loss(benchmark::State& state, const Sizes& sizes, Precision precision) {
  const auto hidden = random_leaf({sizes.tokens, sizes.width}, torch::kFloat32);
  const auto weight = random_leaf({sizes.vocabulary, sizes.width}, torch::kFloat32);
  const auto targets = torch::randint(sizes.vocabulary, {sizes.tokens}, torch::kLong);
  for ([[maybe_unused]] const auto step : state) {
    torch::Tensor loss;
    {
      const train::AutocastGuard autocast(torch::kCPU, precision);
      loss = ops::linear_cross_entropy(hidden, weight, targets);
    }
    backward({loss}, {hidden, weight});
  }
  const auto tokens = static_cast<double>(sizes.tokens);
  const double products = 3;  // the logits, and the gradients of both factors
  report_rate(state, "tokens/s", tokens);
  report_rate(state, "FLOP/s",
              products * 2 * tokens * static_cast<double>(sizes.width) *
                  static_cast<double>(sizes.vocabulary));
}

}  // namespace

void add_head(const Sizes& sizes) {
  add("head/bfloat16", [=](auto& state) { head_and_loss(state, sizes, Precision::bfloat16); });
  add("head/float32", [=](auto& state) { head_and_loss(state, sizes, Precision::float32); });
}

}  // namespace aero::bench
