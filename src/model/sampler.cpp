#include "aero/model/sampler.h"

#include "aero/core/error.h"
#include "aero/ops/generator.h"

#include <cmath>
#include <limits>

namespace aero::model {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

}  // namespace

torch::Tensor sampling_probabilities(const torch::Tensor& logits, const SamplingOptions& options) {
  auto scores = logits.detach().to(torch::kCPU, torch::kFloat64);
  const auto largest = scores.max().item<double>();  // NaN where any logit is
  if (!std::isfinite(largest)) {
    throw Error(
        "generate: the logits are not finite; the weights of this checkpoint have diverged");
  }
  if (options.temperature == 0) {
    return torch::zeros_like(scores).index_fill_(0, scores.argmax(), 1);
  }
  scores = (scores - largest) / options.temperature;
  if (options.top_k > 0 && options.top_k < scores.size(0)) {
    const auto kept = std::get<1>(scores.topk(options.top_k));
    scores =
        torch::full_like(scores, minus_infinity).index_copy(0, kept, scores.index_select(0, kept));
  }
  auto probabilities = scores.softmax(0);
  if (options.top_p < 1) {
    const auto [sorted, order] = probabilities.sort(/*stable=*/true, 0, /*descending=*/true);
    // A token stays while those before it have not reached p; the first always does.
    const auto dropped = (sorted.cumsum(0) - sorted).ge(options.top_p);
    dropped[0] = false;
    probabilities = probabilities.index_fill(0, order.masked_select(dropped), 0);
    probabilities = probabilities / probabilities.sum();
  }
  return probabilities;
}

Sampler::Sampler(const SamplingOptions& options)
    : options_(options), generator_(ops::make_generator(options.seed)) {}

std::int64_t Sampler::draw(const torch::Tensor& logits) {
  return sampling_probabilities(logits, options_)
      .multinomial(1, /*replacement=*/false, generator_)
      .item<std::int64_t>();
}

}  // namespace aero::model
