#pragma once

#include "aero/config/model_config.h"

#include <cstdint>

namespace aero::cost {

/// Trainable parameters by part; every one is counted once.
struct Parameters {
  std::int64_t embedding = 0;  ///< token and position tables, and the head where it is untied
  std::int64_t attention = 0;  ///< Q, K, V and O with their biases
  std::int64_t ffn = 0;        ///< W_in and W_out with their biases
  std::int64_t norm = 0;       ///< gains and biases of all norms, the final one included
  std::int64_t other = 0;      ///< slopes of leaky ReLUs

  std::int64_t total() const { return embedding + attention + ffn + norm + other; }

  bool operator==(const Parameters&) const = default;
};

/// Counted from the config alone. An untied head stands under `embedding`, so that total() -
/// embedding is what the literature calls non-embedding parameters (Pythia, arXiv 2304.01373).
/// Throws UsageError where the count does not fit into 64 bits.
Parameters count_parameters(const ModelConfig& config);

}  // namespace aero::cost
