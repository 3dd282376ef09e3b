#pragma once

#include "aero/config/model_config.h"

#include <cstdint>

namespace aero::cost {

/// Trainable parameters by part; every one is counted once.
struct Parameters {
  std::int64_t embedding = 0;  ///< token and position tables, and the head where it is untied
  /// Q, K, V and O with their biases and gains of weight normalisation; temperatures, H T a layer.
  std::int64_t attention = 0;
  /// W_in and W_out, or the one d x d matrix of a fused FFN, with biases and gains.
  std::int64_t ffn = 0;
  std::int64_t norm = 0;  ///< gains and biases of all norms, the final one included
  /// What is neither: slopes of leaky ReLUs, one a layer with an FFN or one for the model; alpha
  /// and beta of a scaled FFN; thresholds of the entropy penalty, L H; of the simplified family
  /// alpha, beta and gamma of every head, the attention's gain a layer, g_r and g_s of layer 0's
  /// values, m_r of every FFN, and m_s where the block is sequential.
  std::int64_t other = 0;

  std::int64_t total() const { return embedding + attention + ffn + norm + other; }

  bool operator==(const Parameters&) const = default;
};

/// Counted from the config alone. An untied head stands under `embedding`, so that total() -
/// embedding is what the literature calls non-embedding parameters (Pythia, arXiv 2304.01373).
/// Throws UsageError where the count does not fit into 64 bits; so does count_buffers().
Parameters count_parameters(const ModelConfig& config);

/// What is saved with the weights but not trained: the vectors u [out] and v [in] of every matrix
/// under spectral normalisation.
std::int64_t count_buffers(const ModelConfig& config);

}  // namespace aero::cost
