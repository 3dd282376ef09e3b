#pragma once

#include <ATen/core/Generator.h>
#include <torch/types.h>

#include <cstdint>

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

}  // namespace aero::model
