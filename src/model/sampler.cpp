#include "aero/model/sampler.h"

#include "aero/core/error.h"
#include "aero/ops/generator.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace aero::model {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// Computes the logits [V] of the token after `tokens`.
class NextLogits {
 public:
  NextLogits(Decoder& decoder, bool use_cache)
      : decoder_(decoder), use_cache_(use_cache), cache_(decoder->make_cache(1)) {}

  torch::Tensor operator()(const std::vector<std::int64_t>& tokens) {
    const auto context = decoder_->config().context;
    const auto length = static_cast<std::int64_t>(tokens.size());
    // When the window slides, every position changes, so no cached key is right.
    const bool cached = use_cache_ && length <= context;
    const auto first = cached ? cache_.length() : std::max<std::int64_t>(0, length - context);
    const auto input =
        torch::tensor(std::vector<std::int64_t>(tokens.begin() + first, tokens.end()),
                      torch::kInt64)
            .unsqueeze(0)
            .to(decoder_->device());
    const auto logits = cached ? decoder_->forward_cached(input, cache_) : decoder_->forward(input);
    return logits[0][-1];
  }

 private:
  Decoder& decoder_;
  bool use_cache_;
  KvCache cache_;
};

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

std::vector<std::int64_t> generate(Decoder& decoder, std::vector<std::int64_t> prompt,
                                   const GenerationOptions& options,
                                   const std::function<bool(std::int64_t)>& on_token) {
  if (prompt.empty()) throw UsageError("generate: the prompt is empty; give at least one token");
  const torch::NoGradGuard no_grad;
  decoder->eval();
  NextLogits next_logits(decoder, options.use_cache);
  Sampler sampler(options.sampling);
  auto tokens = std::move(prompt);
  const auto start = tokens.size();
  for (std::int64_t i = 0; i < options.max_tokens; ++i) {
    const auto token = sampler.draw(next_logits(tokens));
    if (token == options.stop_token) break;
    tokens.push_back(token);
    if (on_token && !on_token(token)) break;
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(start), tokens.end()};
}

}  // namespace aero::model
