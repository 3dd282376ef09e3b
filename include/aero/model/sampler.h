#pragma once

#include "aero/model/decoder.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aero::model {

struct SamplingOptions {
  double temperature = 1;  ///< 0: take the most likely token
  std::int64_t top_k = 0;  ///< keep the k most likely tokens; 0: all
  double top_p = 1;  ///< keep the fewest tokens whose probabilities add up to p (arXiv 1904.09751)
  std::uint64_t seed = 0;
};

/// Draws tokens from logits. The same options give the same tokens on the same build.
class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options);

  /// Draws a token from logits [V]. Throws Error when the largest logit is not finite or one is
  /// NaN.
  std::int64_t draw(const torch::Tensor& logits);

 private:
  SamplingOptions options_;
  torch::Generator generator_;
};

/// Turns logits [V] into probabilities, float64 [V], which sum to 1 after temperature, top-k and
/// top-p.
torch::Tensor sampling_probabilities(const torch::Tensor& logits, const SamplingOptions& options);

struct GenerationOptions {
  SamplingOptions sampling{};
  std::int64_t max_tokens = 256;
  std::optional<std::int64_t> stop_token{};
  bool use_cache = true;  ///< false: a full forward pass for every token, with the same logits
};

/// Continues `prompt` (at least one token) and returns the new tokens without the stop token.
/// Beyond the context, the model sees the last T tokens. Calls `on_token` with each token; false
/// ends the text.
std::vector<std::int64_t> generate(Decoder& decoder, std::vector<std::int64_t> prompt,
                                   const GenerationOptions& options,
                                   const std::function<bool(std::int64_t)>& on_token = {});

}  // namespace aero::model
