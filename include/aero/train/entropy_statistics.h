#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"
#include "aero/train/evaluation.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aero::train {

using ByLayer = std::vector<double>;
using ByHead = std::vector<std::vector<double>>;  ///< [L][H]

/// Entropy of every head over some contexts of a split, in nats.
struct EntropyStatistics {
  double largest_possible = 0;  ///< ln T
  /// Mean entropy of causal attention that looks at all it may see alike: ln(T!) / T.
  double uniform = 0;
  std::int64_t rows = 0;  ///< attention rows of each head
  ByHead mean;  ///< over the rows that are finite; NaN where none is, or a block tells of none
  std::vector<std::int64_t> nonfinite_rows;  ///< by layer: NaN or infinite, in no mean and no bin

  /// Shares of the heads in [0, max/4), [max/4, max/2), [max/2, 3max/4) and [3max/4, max], max the
  /// largest mean of a head (arXiv 2501.03489). Heads without a finite row are in none.
  std::array<double, 4> bins() const;
  /// Mean over a layer's heads that have one; NaN where none has.
  double layer_mean(std::size_t layer) const;
};

struct EntropyOptions {
  std::int64_t batch_size = 8;
  std::int64_t batches = 4;
  Precision precision = Precision::float32;
  std::function<bool()> proceed;  ///< asked before each batch; false breaks off
};

/// Over the first contexts of the split, dropout off; empty when broken off.
std::optional<EntropyStatistics> measure_entropy(model::Decoder& decoder,
                                                 const data::Corpus& corpus,
                                                 const EntropyOptions& options);

/// The same for tokens [B, T].
EntropyStatistics measure_entropy(model::Decoder& decoder, const torch::Tensor& tokens);

/// The learned scalars of a model, by layer or head, whichever it has: "slopes", "alpha", "beta",
/// "attention_gain", "skip_gain", "ffn_gain" (a layer without is NaN), "temperature" (means over
/// positions) and "temperature_min", "thresholds".
struct LearnedScalars {
  std::map<std::string, ByLayer> by_layer;
  std::map<std::string, ByHead> by_head;
};

LearnedScalars learned_scalars(model::DecoderImpl& decoder);

}  // namespace aero::train
