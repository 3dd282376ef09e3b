#pragma once

#include "aero/config/model_config.h"

#include <cstdint>

namespace aero::cost {

/// Trainable parameters by part; every one is counted once.
struct Parameters {
  std::int64_t embedding = 0;  ///< token and position tables, and an untied head
  /// Q, K, V and O with their biases and gains of weight normalisation; temperatures, H T for each
  /// layer.
  std::int64_t attention = 0;
  /// W_in and W_out, or the one d x d matrix of a fused FFN, with biases and gains.
  std::int64_t ffn = 0;
  std::int64_t norm = 0;  ///< gains and biases of all norms, the final one included
  /// All others: slopes of leaky ReLUs, one for each layer with an FFN or one for the model; alpha
  /// and beta of scaled FFNs; thresholds of the entropy penalty, L H; in the simplified family
  /// alpha, beta and gamma of every head, the attention's gain of every layer, g_r and g_s of layer
  /// 0's values, m_r of every FFN, and m_s of every sequential block.
  std::int64_t other = 0;

  std::int64_t total() const { return embedding + attention + ffn + norm + other; }

  bool operator==(const Parameters&) const = default;
};

/// Counts parameters from the config alone. An untied head counts as `embedding`, so that total() -
/// embedding is the number that the literature calls non-embedding parameters (Pythia, arXiv
/// 2304.01373). This function and count_buffers() throw UsageError if a count does not fit into 64
/// bits.
Parameters count_parameters(const ModelConfig& config);

/// Counts the numbers that are saved with the weights but not trained: the vectors u [out] and v
/// [in] of every matrix under spectral normalisation, and two numbers of every fixed norm of a
/// block.
std::int64_t count_buffers(const ModelConfig& config);

}  // namespace aero::cost
