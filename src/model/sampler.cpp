#include "aero/model/sampler.h"

#include "aero/core/error.h"
#include "aero/ops/generator.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace aero::model {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// Throws Error where no token can be drawn; else returns the largest logit.
double largest_of(const torch::Tensor& logits) {
  const auto largest = logits.max().item<double>();  // NaN where any logit is
  if (std::isfinite(largest)) return largest;
  throw Error("generate: the logits are not finite; the weights of this checkpoint have diverged");
}

/// Keeps the likeliest of probabilities [V] that add up to p, and makes their sum 1.
torch::Tensor likeliest(const torch::Tensor& probabilities, double p) {
  // The tokens below this bound add up to less than (1 - p) / 2, so those above it reach p: few
  // tokens, which sort fast.
  const double bound = (1 - p) / 2 / static_cast<double>(probabilities.size(0));
  const auto candidates = probabilities.ge(bound).nonzero().squeeze(1);
  const auto [sorted, order] =
      probabilities.index_select(0, candidates).sort(/*stable=*/true, 0, /*descending=*/true);
  // A token stays while those before it have not reached p; the first always does.
  auto kept = (sorted.cumsum(0) - sorted).lt(p);
  kept[0] = true;
  const auto shares = sorted.masked_select(kept);
  return torch::zeros_like(probabilities)
      .index_copy_(0, candidates.index_select(0, order).masked_select(kept), shares / shares.sum());
}

}  // namespace

torch::Tensor sampling_probabilities(const torch::Tensor& logits, const SamplingOptions& options) {
  auto scores = logits.detach().to(torch::kCPU, torch::kFloat64);
  const auto largest = largest_of(scores);
  if (options.temperature == 0) {
    return torch::zeros_like(scores).index_fill_(0, scores.argmax(), 1);
  }
  scores = (scores - largest) / options.temperature;
  if (options.top_k > 0 && options.top_k < scores.size(0)) {
    const auto kept = std::get<1>(scores.topk(options.top_k));
    scores =
        torch::full_like(scores, minus_infinity).index_copy(0, kept, scores.index_select(0, kept));
  }
  const auto probabilities = scores.softmax(0);
  return options.top_p < 1 ? likeliest(probabilities, options.top_p) : probabilities;
}

Sampler::Sampler(const SamplingOptions& options)
    : options_(options), generator_(ops::make_generator(options.seed)) {}

std::int64_t Sampler::draw(const torch::Tensor& logits) {
  if (options_.temperature == 0) {
    largest_of(logits);
    return logits.argmax().item<std::int64_t>();
  }
  const auto sums = sampling_probabilities(logits, options_).cumsum(0);
  const auto all = sums[-1].item<double>();
  const auto share = torch::rand({1}, generator_, torch::kFloat64).item<double>();
  // The first token whose sum is above the point; one of probability 0 adds nothing to the sum.
  const auto point = std::min(share * all, std::nextafter(all, 0.0));
  return torch::searchsorted(sums, at::Scalar(point), /*out_int32=*/false, /*right=*/true)
      .item<std::int64_t>();
}

}  // namespace aero::model
